"""What the score worker measures, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

from opentelemetry import metrics

from shared.events import ShadowVerdict, Verdict

METER: Final = metrics.get_meter("linegate.score")


class ScoreMetrics:
    """The instruments of a score worker."""

    def __init__(self) -> None:
        self._latency = METER.create_histogram(
            "linegate.verdict.latency",
            unit="s",
            description="From shutter to verdict, where the clocks can be trusted.",
        )
        self._fallbacks = METER.create_counter("linegate.verdict.fallbacks")

    def judged(self, verdict: Verdict) -> None:
        """A verdict was made. One by an untrusted clock would poison every percentile: it is left out."""
        if isinstance(verdict, ShadowVerdict):
            return
        latency = verdict.timings.capture_to_verdict
        where = {"plant": verdict.plant, "line": verdict.line}
        if latency is not None and latency >= 0 and verdict.timings.clock_skew is None:
            self._latency.record(latency / 1000, where)
        if verdict.model is not None and verdict.model.fallback is not None:
            self._fallbacks.add(1, where)
