"""What is measured of loading and changing models, through OpenTelemetry."""

from opentelemetry import metrics

from services.score.metrics import METER


class ModelMetrics:
    """The instruments of a score worker's models, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._loads = meter.create_histogram(
            "linegate.model.load.duration",
            unit="s",
            description="From the store to the first score, by version.",
        )
        self._swaps = meter.create_counter("linegate.model.swaps")
        self._swap_seconds = meter.create_histogram(
            "linegate.model.swap.duration",
            unit="s",
            description="From the news of a change of the registry until the worker judges by it.",
        )
        self._held = meter.create_gauge("linegate.model.held")
        self._bytes = meter.create_gauge("linegate.model.held.bytes", unit="By")
        self._thrash = meter.create_counter("linegate.model.thrash")

    def loaded(self, version: str, seconds: float) -> None:
        """A version was loaded and warmed up."""
        self._loads.record(seconds, {"version": version})

    def in_force(self, seconds: float) -> None:
        """An entry of the registry came into force."""
        self._swaps.add(1)
        self._swap_seconds.record(seconds)

    def holds(self, models: int, size: int) -> None:
        """So many models are in memory, and so many bytes."""
        self._held.set(models)
        self._bytes.set(size)

    def thrashed(self) -> None:
        """A version at work had to make room for another one."""
        self._thrash.add(1)
