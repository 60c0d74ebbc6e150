"""Logs on stderr: one JSON object a line for machines, coloured text for people. No secret gets through."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog
from opentelemetry import trace
from pydantic import SecretBytes, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.settings.sections import TelemetrySettings

HIDDEN: Final = "***"
SECRET_KEY: Final = re.compile(r"passw|secret|token|authorization|api_?key|credential|cookie", re.IGNORECASE)
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")
"""User name and password inside a URL, wherever it stands in a line."""
_TOKEN: Final = re.compile(
    r"(?<=\blg_[0-9a-f]{8}_)[0-9a-f]{64}"  # a static key: its id may be seen
    r"|\beyJ[\w-]{8,}\.[\w-]*\.[\w-]*"  # a JWT: base64 of `{"...`
    r"|(?<=\bbearer )[^\s\"',}]{8,}",
    re.IGNORECASE,
)
"""Bearer tokens, wherever they stand in a line."""


def configure_logs(settings: TelemetrySettings, **bound: str) -> None:
    """Send the logs of structlog and of every library through one format to stderr.

    Args:
        settings: level and format.
        bound: what every line carries, e.g. the service's name.
    """

    def add_bound(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**bound, **event}

    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_bound,
        add_trace,
        hide_secrets,
    ]
    if settings.log_format == "json":
        rendering: list[Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the default, by rich, prints local variables
            )
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
                hide_user_info,
                hide_tokens,
            ],
            foreign_pre_chain=common,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the ids of the current span, so that a log line leads to its trace."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace values that are secret by type or by the name they stand under, at any depth."""
    return {key: _hidden(key, value) for key, value in event.items()}


def hide_user_info(_: WrappedLogger, __: str, line: Any) -> Any:
    """Cut user names and passwords out of the URLs of a finished line, tracebacks included."""
    return _USER_INFO.sub(HIDDEN, line) if isinstance(line, str) else line


def hide_tokens(_: WrappedLogger, __: str, line: Any) -> Any:
    """Cut bearer tokens out of a finished line: nobody logs them on purpose, but a library's message may hold one."""
    return _TOKEN.sub(HIDDEN, line) if isinstance(line, str) else line


def _hidden(key: object, value: Any) -> Any:
    if isinstance(value, (SecretStr, SecretBytes)):
        return HIDDEN
    if isinstance(key, str) and value is not None and SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, (Mapping, MutableMapping)):
        return {inner: _hidden(inner, held) for inner, held in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [_hidden(None, held) for held in value]
    return value
