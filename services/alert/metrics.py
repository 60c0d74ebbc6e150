"""What the alert worker counts, through OpenTelemetry; without a configured meter it costs next to nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, get_args

from opentelemetry import metrics

from shared.alerts.records import Alert
from shared.events import AlertChanged, ConditionKind, Severity

METER: Final = metrics.get_meter("linegate.alert")


class AlertMetrics:
    """The instruments of an alert worker, made by `meter`."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._triggers = meter.create_counter(
            "linegate.alerts.triggers", description="Conditions that were met, counted once each."
        )
        self._steps = meter.create_counter("linegate.alerts.steps", description="Steps of alerts told on Kafka.")
        self._open = meter.create_gauge("linegate.alerts.open", description="Alerts that are not resolved.")
        self._behind = meter.create_gauge(
            "linegate.alerts.behind", unit="s", description="How old a photo may be that still waits to be judged."
        )

    def triggered(self, condition: ConditionKind) -> None:
        """A condition was met."""
        self._triggers.add(1, {"condition": condition})

    def told(self, changes: Sequence[AlertChanged]) -> None:
        """Steps were told."""
        for step, count in Counter(change.step for change in changes).items():
            self._steps.add(count, {"step": step})

    def standing(self, alerts: Iterable[Alert]) -> None:
        """The alerts that are open now."""
        counts = Counter(alert.severity for alert in alerts)
        for severity in get_args(Severity):
            self._open.set(counts[severity], {"severity": severity})

    def behind(self, seconds: float) -> None:
        """How far behind the present decisions are."""
        self._behind.set(seconds)
