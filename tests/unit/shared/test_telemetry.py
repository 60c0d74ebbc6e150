"""Telemetry: what a log line holds and never holds, and what reaches a collector."""

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from shared.telemetry.logs import hide_secrets, hide_tokens, hide_user_info
from shared.telemetry.metric_names import MetricName
from shared.telemetry.spans import hidden_query

ROOT = Path(__file__).parents[3]


def run(program: str, **telemetry: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, since telemetry is configured once per process."""
    variables = {f"LINEGATE_TELEMETRY__{name.upper()}": value for name, value in telemetry.items()}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


SPEAK = """
import logging, structlog
from opentelemetry import trace, metrics
from pydantic import SecretStr
from shared.settings import load_settings
from shared.telemetry import configure
early = structlog.get_logger("made.before.configure")
with configure("score", load_settings().telemetry):
    with trace.get_tracer("t").start_as_current_span("work"):
        early.info("model loaded", version="v1", password="hunter2", url=SecretStr("hunter2"))
    logging.getLogger("some.library").warning("lost %s", "redis://:hunter2@h/0")
    early.debug("too quiet")
    try:
        raise RuntimeError("redis://ada:hunter2@h/0 is away")
    except RuntimeError:
        early.exception("failed")
    metrics.get_meter("t").create_counter("linegate.bus.commits").add(3)
"""


def test_json_lines_of_ours_and_of_libraries() -> None:
    """One object a line: time, level, service, trace; nothing on stdout."""
    done = run(SPEAK, log_format="json", instance="pod-1")
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    loaded, lost, failed = lines
    assert loaded["message"] == "model loaded"
    assert (loaded["level"], loaded["service"], loaded["instance"]) == ("info", "linegate-score", "pod-1")
    assert (len(loaded["trace_id"]), len(loaded["span_id"])) == (32, 16)
    assert loaded["timestamp"].endswith("Z")
    assert (lost["level"], lost["message"]) == ("warning", "lost redis://***@h/0")
    assert "trace_id" not in lost
    assert "RuntimeError" in failed["exception"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_gets_through(log_format: str) -> None:
    """Neither by name nor by type nor inside a URL nor in a traceback."""
    done = run(SPEAK, log_format=log_format)
    assert "model loaded" in done.stderr
    assert "hunter2" not in done.stderr


def test_log_level_is_honoured() -> None:
    """Less severe lines are dropped."""
    assert "too quiet" in run(SPEAK, log_level="debug").stderr
    assert "model loaded" not in run(SPEAK, log_level="error").stderr


def test_secrets_are_hidden_at_any_depth() -> None:
    """In nested mappings and lists; innocent values stay."""
    event = {
        "event": "x",
        "settings": {"redis": {"url": SecretStr("s3cret")}, "sasl.password": "s3cret", "port": 1},
        "list": [{"api_key": "s3cret"}, SecretStr("s3cret")],
        "token": None,
    }
    hidden = hide_secrets(None, "info", event)
    assert "s3cret" not in repr(hidden)
    assert hidden["settings"]["port"] == 1
    assert hidden["token"] is None


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("redis://:pw@h:1/0", "redis://***@h:1/0"),
        ("see https://h/a@b", "see https://h/a@b"),
        ("mail ada@example.org", "mail ada@example.org"),
        ('{"a": "http://u:p@h", "b": "http://u@i"}', '{"a": "http://***@h", "b": "http://***@i"}'),
    ],
)
def test_user_info_is_cut_out_of_urls(line: str, hidden: str) -> None:
    """And only there."""
    assert hide_user_info(None, "info", line) == hidden


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        (f"key lg_1f9a03bc_{'a' * 64} refused", "key lg_1f9a03bc_*** refused"),
        ("got eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0. here", "got *** here"),
        ("{'authorization': 'Bearer abcd.efgh'}", "{'authorization': 'Bearer ***'}"),
        ("b'authorization: bearer abcdefgh'", "b'authorization: bearer ***'"),
        ("a bearer token is needed", "a bearer token is needed"),
        ("the key 1f9a03bc has expired", "the key 1f9a03bc has expired"),
        ("digest " + "a" * 64, "digest " + "a" * 64),
    ],
)
def test_bearer_tokens_are_cut_out_of_a_line(line: str, hidden: str) -> None:
    """Wherever a library's message may have put one; ids and digests stay."""
    assert hide_tokens(None, "info", line) == hidden


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("part=1&access_token=abc&line=l", "part=1&access_token=***&line=l"),
        (f"key=lg_1f9a03bc_{'a' * 64}", "key=lg_1f9a03bc_***"),
        ("api_key=&wait=10", "api_key=***&wait=10"),
        ("captured=2025-03-01T06%3A30%3A00%2B01%3A00", "captured=2025-03-01T06%3A30%3A00%2B01%3A00"),
    ],
)
def test_secrets_are_cut_out_of_a_query(query: str, hidden: str) -> None:
    """By name or by look; the rest of it stays."""
    assert hidden_query(query) == hidden


class _Collector(BaseHTTPRequestHandler):
    """Takes what is sent."""

    received: dict[str, bytes] = {}  # noqa: RUF012 - the handler is made anew for every request

    def do_POST(self) -> None:
        """Remember and agree."""
        self.received[self.path] = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[str]:
    """A real HTTP server in the place of an OpenTelemetry collector."""
    _Collector.received.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_traces_and_metrics_reach_the_collector(collector: str) -> None:
    """By OTLP over HTTP, also what was left when the process ended."""
    run(SPEAK, otlp_endpoint=collector)
    assert set(_Collector.received) == {"/v1/traces", "/v1/metrics"}
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    sent = ExportMetricsServiceRequest.FromString(_unpacked(_Collector.received["/v1/metrics"]))
    names = {m.name for r in sent.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert "linegate.bus.commits" in names
    attributes = {a.key: a.value.string_value for a in sent.resource_metrics[0].resource.attributes}
    assert attributes["service.name"] == "linegate-score"


def test_an_absent_collector_does_not_fail_the_process() -> None:
    """Port 9: nobody listens. The process ends well."""
    assert run(SPEAK, otlp_endpoint="http://127.0.0.1:9").returncode == 0


def test_every_metric_of_the_code_is_listed() -> None:
    """And nothing is listed that the code does not have."""
    made = set()
    for room in ("shared", "services", "training", "deploy"):
        for path in (ROOT / room).rglob("*.py"):
            made |= set(_metrics_of(ast.parse(path.read_text(encoding="utf-8"))))
    assert made == set(get_args(MetricName))


def _metrics_of(tree: ast.AST) -> Iterator[str]:
    makers = {"create_counter", "create_histogram", "create_gauge", "create_up_down_counter"}
    makers |= {f"create_observable_{kind}" for kind in ("counter", "gauge", "up_down_counter")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in makers:
            name = node.args[0]
            assert isinstance(name, ast.Constant), "a metric's name is written out where it is made"
            yield str(name.value)


def _unpacked(body: bytes) -> bytes:
    import gzip

    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
