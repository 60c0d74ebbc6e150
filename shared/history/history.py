"""The past, as the archive worker has written it: counts in groups, verdicts of one part, all rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from itertools import groupby
from typing import Any, Final

import duckdb

from shared.errors import LinegateError
from shared.history import sql
from shared.history.answer import Bucket, PastVerdict, Row, Summary
from shared.history.database import database, time_limit
from shared.history.files import Day, Files, HistoryFiles
from shared.history.question import Grouping, Scope
from shared.settings.archive import HistorySettings
from shared.settings.plants import PlantsSettings
from shared.settings.sections import StoreSettings
from shared.store.errors import StoreUnavailable

ATTEMPTS: Final = 3
"""A file that was merged into another one while we asked is gone; asking again finds the merged one."""
CHUNK: Final = 1000
MOST_DAYS: Final = 400
"""Days that are looked through at once for the verdicts of a part."""
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
            HistoryTooLarge: it takes too long, or too much memory.
        """
        rows = self._ask(self._files.days(scope), lambda files: sql.summary(files, by, scope, self._plants))
        buckets = [_bucket(row) for row in rows if not row["is_total"]]
        total = next((_bucket(row) for row in rows if row["is_total"]), _NOTHING)
        most = self._settings.max_rows
        kept = buckets[-most:] if by in _BY_TIME else buckets[:most]
        return Summary(by, scope, tuple(kept), total, truncated=len(kept) < len(buckets))

    def verdicts(self, scope: Scope, *, limit: int) -> tuple[PastVerdict, ...]:
        """The latest verdicts, newest first; at most `history.max_rows`.

        Raises:
            StoreUnavailable: the store does not answer, or a file of the history cannot be read.
            HistoryTooLarge: it takes too long, or too much memory.
        """
        most = min(limit, self._settings.max_rows)
        found: list[Row] = []
        by_date = self._by_date(scope, newest_first=True)
        for days in _chunks(by_date):
            if len(found) >= most:
                break
            left = most - len(found)
            found += self._ask(days, partial(sql.latest, scope=scope, limit=left))
        return tuple(_past(row) for row in found)

    def rows(self, scope: Scope) -> Iterator[Row]:
        """Every column of every verdict, oldest first, and `local`: the shutter by the plant's clock. Read day by day.

        Raises:
            StoreUnavailable: the store does not answer, or a file of the history cannot be read.
            HistoryTooLarge: a day does not fit into its memory.
        """
        for days in self._by_date(scope, newest_first=False):
            with ExitStack() as stack:
                yield from self._asked(days, partial(sql.every, scope=scope, plants=self._plants), stack)

    def _by_date(self, scope: Scope, *, newest_first: bool) -> list[list[Day]]:
        """The days of all plants, one list a date."""
        days = sorted(self._files.days(scope), key=lambda day: day.date, reverse=newest_first)
        return [list(group) for _, group in groupby(days, key=lambda day: day.date)]

    def _ask(self, days: Iterable[Day], query: Callable[[Files], sql.Query]) -> list[Row]:
        with ExitStack() as stack:
            return list(self._asked(list(days), query, stack, seconds=self._settings.seconds))

    def _asked(
        self,
        days: Sequence[Day],
        query: Callable[[Files], sql.Query],
        stack: ExitStack,
        *,
        seconds: float | None = None,
    ) -> Iterator[Row]:
        """The answer's rows, read while `stack` is open, and broken off after so many seconds."""
        for attempt in range(1, ATTEMPTS + 1):
            files = self._files.read(days)
            if not files:
                return
            asked = query(files)
            try:
                connection = stack.enter_context(database(self._settings, self._files.store))
                if seconds is not None:
                    stack.enter_context(time_limit(connection, seconds))
                with _faults():
                    connection.execute(asked.text, asked.parameters)
                break
            except StoreUnavailable:
                if attempt == ATTEMPTS or self._files.read(days) == files:
                    raise
        names = [str(column[0]) for column in connection.description or ()]
        while chunk := _fetched(connection):
            yield from (dict(zip(names, row, strict=True)) for row in chunk)


def _fetched(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    with _faults():
        return connection.fetchmany(CHUNK)


def _chunks(by_date: list[list[Day]]) -> Iterator[list[Day]]:
    """First the newest date alone, then more and more of them at once: most questions are about the last days."""
    begin, size = 0, 1
    while begin < len(by_date):
        yield [day for days in by_date[begin : begin + size] for day in days]
        begin, size = begin + size, min(size * 8, MOST_DAYS)


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
    except duckdb.InterruptException:
        raise HistoryTooLarge("the question takes too long", hint="narrow it, or raise history.seconds") from None
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
