"""What the notify worker counts, through OpenTelemetry; without a configured meter it costs next to nothing."""

from typing import Final

from opentelemetry import metrics

METER: Final = metrics.get_meter("linegate.notify")


class NotifyMetrics:
    """The instruments of a notify worker, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._attempts = meter.create_counter("linegate.notify.attempts", description="Attempts to deliver a message.")
        self._duration = meter.create_histogram(
            "linegate.notify.duration", unit="s", description="One attempt, from the claim to the receiver's answer."
        )
        self._latency = meter.create_histogram(
            "linegate.notify.latency", unit="s", description="From the alert's step to the receiver's answer."
        )
        self._waiting = meter.create_gauge("linegate.notify.waiting", description="Messages in the outboxes.")

    def attempted(self, kind: str, outcome: str, *, seconds: float, latency_s: float | None) -> None:
        """An attempt was made; `latency_s` where it delivered the message."""
        labels = {"kind": kind}
        self._attempts.add(1, {**labels, "outcome": outcome})
        self._duration.record(seconds, labels)
        if latency_s is not None:
            self._latency.record(latency_s, labels)

    def waiting(self, messages: int) -> None:
        """So many messages are in the outboxes."""
        self._waiting.set(messages)
