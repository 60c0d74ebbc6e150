"""Answers as CSV (RFC 4180), line by line, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from shared.history.answer import Row, Summary
from shared.history.columns import COLUMNS

SUMMARY_HEAD: Final = (
    "plant", "line", "name", "begin", "parts", "passed", "failed", "unfound", "fail_rate",
    "latency_p50_ms", "latency_p95_ms", "latency_p99_ms",
)  # fmt: skip
VERDICT_HEAD: Final = ("plant", "local", *COLUMNS)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so is taken for a formula by spreadsheets (OWASP, "CSV Injection")."""


def summary_csv(summary: Summary) -> Iterator[str]:
    """A summary, its head first; times in UTC."""
    yield _line(SUMMARY_HEAD)
    for bucket in summary.buckets:
        yield _line([getattr(bucket, name) for name in SUMMARY_HEAD])


def verdicts_csv(rows: Iterable[Row]) -> Iterator[str]:
    """The rows that `History.rows` answers, their head first. `local` is the shutter's time by the plant's clock."""
    yield _line(VERDICT_HEAD)
    for row in rows:
        yield _line([row[name] for name in VERDICT_HEAD])


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else value.astimezone(UTC).isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
