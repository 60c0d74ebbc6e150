"""The past, as the archive worker has written it: counts in groups, verdicts of one part, all rows."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from typing import Any, Final, TypeVar

import duckdb

from shared.errors import LinegateError
from shared.history import sql
from shared.history.answer import Bucket, PastVerdict, Row, Summary
from shared.history.database import database
from shared.history.files import HistoryFiles
from shared.history.question import Grouping, Scope
from shared.settings.archive import HistorySettings
from shared.settings.plants import PlantsSettings
from shared.settings.sections import StoreSettings
from shared.store.errors import StoreUnavailable

AnswerT = TypeVar("AnswerT")
ATTEMPTS: Final = 3
"""A file that was merged into another one while we asked is gone; asking again finds the merged one."""
CHUNK: Final = 2000
_BY_TIME: Final = frozenset({"hour", "day", "shift"})
_NOTHING: Final = Bucket(None, None, None, None, 0, 0, 0, None, None, None)

_COPIED: Final = tuple(
    field.name
    for field in fields(PastVerdict)
    if field.name not in {"failed_checks", "score", "threshold", "peak", "evidence"}
)


class HistoryTooLarge(LinegateError):
    """The question does not fit into its memory."""


class History:
    """Asks the history. Thread-safe: each question has a database of its own.

    Args:
        store: where it lies.
        plants: zones and shifts.
        settings: limits on one question.

    Raises:
        StoreUnavailable: the store's file system has no driver installed.
    """

    def __init__(self, store: StoreSettings, plants: PlantsSettings, settings: HistorySettings) -> None:
        self._files: Final = HistoryFiles(store)
        self._plants: Final = plants
        self._settings: Final = settings

    def summary(self, by: Grouping, scope: Scope) -> Summary:
        """Verdicts counted by group. A store without history, or without any of the scope, has an empty answer.

        Raises:
            StoreUnavailable: the store does not answer, or a file of the history cannot be read.
        """
        rows = self._ask(scope, lambda files: self._all(sql.summary(files, by, scope, self._plants))) or []
        buckets = [_bucket(row) for row in rows if not row["is_total"]]
        total = next((_bucket(row) for row in rows if row["is_total"]), _NOTHING)
        most = self._settings.max_rows
        kept = buckets[-most:] if by in _BY_TIME else buckets[:most]
        return Summary(by, scope, tuple(kept), total, truncated=len(kept) < len(buckets))

    def verdicts(self, scope: Scope, *, limit: int) -> tuple[PastVerdict, ...]:
        """The latest verdicts, newest first; at most `history.max_rows`.

        Raises:
            StoreUnavailable: the store does not answer, or a file of the history cannot be read.
        """
        most = min(limit, self._settings.max_rows)
        rows = self._ask(scope, lambda files: self._all(sql.verdicts(files, scope, limit=most))) or []
        return tuple(_past(row) for row in rows)

    def rows(self, scope: Scope) -> Iterator[Row]:
        """Every column of every verdict, oldest first, and `local`: the shutter by the plant's clock. Lazily read.

        Raises:
            StoreUnavailable: the store does not answer, or a file of the history cannot be read.
        """
        with ExitStack() as stack:

            def ask(files: list[str]) -> duckdb.DuckDBPyConnection | None:
                asked = sql.verdicts(files, scope, limit=None, newest_first=False)
                return _executed(self._open(stack), sql.with_local_time(asked, self._plants))

            connection = self._ask(scope, ask)
            if connection is None:
                return
            names = _names(connection)
            while chunk := _fetched(connection, CHUNK):
                yield from (dict(zip(names, row, strict=True)) for row in chunk)

    def _open(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        return stack.enter_context(database(self._settings, self._files.store))

    def _all(self, query: sql.Query) -> list[Row]:
        with database(self._settings, self._files.store) as connection:
            _executed(connection, query)
            names = _names(connection)
            return [dict(zip(names, row, strict=True)) for row in _fetched(connection)]

    def _ask(self, scope: Scope, ask: Callable[[list[str]], AnswerT]) -> AnswerT | None:
        for attempt in range(1, ATTEMPTS + 1):
            files = self._files.covered(scope)
            if not files:
                return None
            try:
                return ask(files)
            except StoreUnavailable:
                if attempt == ATTEMPTS or self._files.covered(scope) == files:
                    raise
        raise AssertionError("the last attempt answers or raises")


def _executed(connection: duckdb.DuckDBPyConnection, query: sql.Query) -> duckdb.DuckDBPyConnection:
    with _faults():
        return connection.execute(query.text, query.parameters)


def _fetched(connection: duckdb.DuckDBPyConnection, count: int | None = None) -> list[tuple[Any, ...]]:
    with _faults():
        return connection.fetchall() if count is None else connection.fetchmany(count)


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [str(column[0]) for column in connection.description or ()]


@contextmanager
def _faults() -> Iterator[None]:
    """DuckDB's errors as ours; those that only a mistake of ours can cause stay as they are."""
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException):
        raise
    except duckdb.OutOfMemoryException:
        raise HistoryTooLarge(
            "the question needs more memory than it may have", hint="narrow it, or raise history.memory_mib"
        ) from None
    except duckdb.Error as error:
        raise StoreUnavailable(f"the history cannot be read: {' '.join(str(error).split())}") from error


def _bucket(row: Row) -> Bucket:
    p50, p95, p99 = row["latency"] or (None, None, None)
    return Bucket(
        plant=row["plant"],
        name=row["name"],
        line=row["line"],
        begin=row["begin"],
        parts=row["parts"],
        failed=row["failed"],
        unfound=row["unfound"],
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
    )


def _past(row: Row) -> PastVerdict:
    peak = None if row["peak_x"] is None else (row["peak_x"], row["peak_y"])
    copied = {name: row[name] for name in _COPIED}
    return PastVerdict(
        **copied,
        failed_checks=sql.failed_checks(row),
        score=row["damage_score"],
        threshold=row["damage_threshold"],
        peak=peak,
        evidence=bool(row["evidence"]),
    )
