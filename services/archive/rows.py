"""The rows of a batch, file by file."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from services.archive.metrics import ArchiveMetrics
from services.archive.parquet import write_rows
from shared.events import Verdict
from shared.evidence import day_of
from shared.history.files import HistoryFiles
from shared.settings.archive import HistorySettings

Row = dict[str, Any]


class RowWriter:
    """Writes rows by plant, day and partition: records of a partition come again together.

    Args:
        files: of the history.
        limits: on DuckDB.
        metrics: counts the rows.
    """

    def __init__(self, files: HistoryFiles, limits: HistorySettings, metrics: ArchiveMetrics) -> None:
        self._files: Final = files
        self._limits: Final = limits
        self._metrics: Final = metrics

    def write(self, rows: Iterable[tuple[Verdict, Row]]) -> None:
        """Write the rows of a batch. Doing it again is harmless, as a whole or in other batches.

        Raises:
            StoreUnavailable: the store cannot be written; some of the files may be there.
        """
        groups: dict[tuple[str, date, str], dict[str, Row]] = {}
        for verdict, row in rows:
            place = (verdict.lies_at or "").partition("@")[0]
            # A verdict that was published twice is one row: within a file nothing is there twice.
            groups.setdefault((verdict.plant, day_of(verdict.captured), place), {}).setdefault(verdict.id, row)
        for (plant, day, _), by_id in groups.items():
            group = list(by_id.values())
            write_rows(self._files, self._files.folder(plant, day), _stem(group[0]), group, self._limits)
            self._metrics.rows(plant, len(group))


def _stem(first: Row) -> str:
    """Partition and offset of the first record, sorting as they do."""
    partition, _, offset = (first["lies_at"] or "0@0").partition("@")
    return f"p{int(partition):05}-{int(offset):019}"
