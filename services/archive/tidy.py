"""Keep the history small: many little files become one, what is too old goes."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import structlog

from services.archive.metrics import ArchiveMetrics
from services.archive.parquet import merge
from shared.evidence import EvidenceShelf
from shared.history.files import Day, HistoryFiles
from shared.history.question import Scope
from shared.settings.archive import ArchiveSettings, HistorySettings
from shared.store import StoreUnavailable

SMALL: Final = 8 * 1024 * 1024
"""Bytes: a larger file is left as it is until its day is over, so that no row is written again and again."""
_log = structlog.get_logger(__name__)


class Tidying:
    """One round after another; any number of workers may do it at once, and any of them may die in it.

    Args:
        files: of the history.
        shelf: of the pictures.
        settings: what to keep for how long.
        limits: on DuckDB.
        metrics: counts what goes.
    """

    def __init__(
        self,
        files: HistoryFiles,
        shelf: EvidenceShelf,
        settings: ArchiveSettings,
        limits: HistorySettings,
        metrics: ArchiveMetrics,
    ) -> None:
        self._files: Final = files
        self._shelf: Final = shelf
        self._settings: Final = settings
        self._limits: Final = limits
        self._metrics: Final = metrics

    def merge(self, today: date) -> int:
        """Merge what is worth it; answers how many files were made.

        Raises:
            StoreUnavailable: the store cannot be read or written.
        """
        made = 0
        for day in self._files.days(Scope()):
            chosen = to_merge(self._files.sizes(day), over=day.date < today, enough=self._settings.merge_files)
            if chosen:
                made += self._merge(day, chosen)
        return made

    def expire(self, today: date) -> None:
        """Remove pictures and rows that are older than is kept.

        Raises:
            StoreUnavailable: the store cannot be read or written.
        """
        if days := self._settings.keep_evidence_days:
            self._metrics.expired("pictures", self._shelf.expire(_days_before(today, days)))
        if days := self._settings.keep_verdicts_days:
            before = _days_before(today, days)
            old = [day for day in self._files.days(Scope()) if day.date < before]
            for day in old:
                self._files.remove(day.path)
            self._metrics.expired("days of rows", len(old))

    def _merge(self, day: Day, chosen: list[str]) -> bool:
        try:
            merged = merge(self._files, day.path, chosen, self._limits)
        except StoreUnavailable:
            if set(chosen) <= set(self._files.of(day)):
                raise
            return False  # another worker was quicker
        # First the whole, then away with the parts: whoever dies in between leaves rows twice, never none.
        for path in chosen:
            if path != merged:
                self._files.remove(path)
        _log.info("merged", plant=day.plant, date=day.date.isoformat(), files=len(chosen), into=merged)
        return True


def _days_before(today: date, days: int) -> date:
    return today - timedelta(days=min(days, (today - date.min).days))


def to_merge(sizes: Mapping[str, int], *, over: bool, enough: int) -> list[str]:
    """Which files of a day to make one of.

    Args:
        sizes: bytes by path.
        over: whether the day is past.
        enough: so many small files of a running day are worth it.
    """
    if over:
        return sorted(sizes) if len(sizes) > 1 else []
    small = sorted(path for path, size in sizes.items() if size < SMALL)
    return small if len(small) >= enough else []
