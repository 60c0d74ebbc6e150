"""What the score worker measures, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

from opentelemetry import metrics

from shared.events import ShadowVerdict, Verdict

METER: Final = metrics.get_meter("linegate.score")
LONGEST_S: Final = 3600.0
"""A latency beyond this is a clock's mistake that could not be told as such, or a backlog after an outage: neither says
how fast the line is."""


class ScoreMetrics:
    """The instruments of a score worker, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._latency = meter.create_histogram(
            "linegate.verdict.latency",
            unit="s",
            description="From shutter to verdict, where the clocks can be trusted.",
        )
        self._fallbacks = meter.create_counter("linegate.verdict.fallbacks")

    def judged(self, verdict: Verdict) -> None:
        """A verdict was made. One by an untrusted clock would poison every percentile: it is left out."""
        if isinstance(verdict, ShadowVerdict):
            return
        latency = verdict.timings.capture_to_verdict
        where = {"plant": verdict.plant, "line": verdict.line}
        if latency is not None and 0 <= latency <= LONGEST_S * 1000 and verdict.timings.clock_skew is None:
            self._latency.record(latency / 1000, where)
        if verdict.model is not None and verdict.model.fallback is not None:
            self._fallbacks.add(1, where)
