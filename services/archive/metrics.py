"""What the archive worker counts, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

from opentelemetry import metrics

METER: Final = metrics.get_meter("linegate.archive")


class ArchiveMetrics:
    """The instruments of an archive worker, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._rows = meter.create_counter("linegate.archive.rows")
        self._pictures = meter.create_counter("linegate.archive.pictures")
        self._missing = meter.create_counter("linegate.archive.pictures.missing")
        self._expired = meter.create_counter("linegate.archive.expired")

    def rows(self, plant: str, count: int) -> None:
        """Rows were written; those of a batch that comes again count again."""
        self._rows.add(count, {"plant": plant})

    def picture(self, plant: str, name: str) -> None:
        """A picture was kept."""
        self._pictures.add(1, {"plant": plant, "name": name})

    def missing(self, plant: str, name: str) -> None:
        """A picture that was to be kept is nowhere any more."""
        self._missing.add(1, {"plant": plant, "name": name})

    def expired(self, what: str, count: int) -> None:
        """Pictures (of so many photos) or days of rows were removed, for being too old."""
        self._expired.add(count, {"what": what})
