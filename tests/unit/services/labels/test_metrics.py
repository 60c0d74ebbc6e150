"""Labels by finding, and how often a rejected part is damaged."""

from collections.abc import Mapping

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.labels.index import VerdictIndex
from services.labels.metrics import WINDOW, LabelMetrics
from services.labels.step import LabelStep
from shared.events import Judged
from tests.unit.services.labels.parts import feedback, verdict


class _Nothing(VerdictIndex):
    def catch_up(self) -> bool:
        return True


def test_precision_is_of_the_latest_rejected_parts() -> None:
    """Passed parts do not count, a second word on a photo replaces the first, and the window ends."""
    reader = InMemoryMetricReader()
    metrics = LabelMetrics(MeterProvider([reader]).get_meter("test"))
    step = LabelStep(_Nothing(1), metrics=metrics, remembers="nothing")

    def say(name: str, finding: str) -> None:
        score = 3.0 if finding in ("confirmed_damage", "false_alarm") else 1.0
        step([feedback(name, finding, judged=Judged.of(verdict(name, score=score)))])

    for name, finding in (("1", "false_alarm"), ("2", "confirmed_damage"), ("3", "missed_damage")):
        say(name, finding)
    assert _points(reader, "linegate.labels.precision") == {("munich", "line-1", None): 0.5}
    say("1", "confirmed_damage")
    assert _points(reader, "linegate.labels.precision") == {("munich", "line-1", None): 1.0}
    assert _points(reader, "linegate.labels.given") == {
        ("munich", "line-1", "false_alarm"): 1,
        ("munich", "line-1", "confirmed_damage"): 2,
        ("munich", "line-1", "missed_damage"): 1,
    }
    for number in range(WINDOW):
        say(f"w{number}", "false_alarm")
    assert _points(reader, "linegate.labels.precision") == {("munich", "line-1", None): 0.0}


def _points(reader: InMemoryMetricReader, name: str) -> Mapping[tuple[object, ...], float]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        tuple((point.attributes or {}).get(label) for label in ("plant", "line", "finding")): point.value  # type: ignore[union-attr]  # all are numbers here
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }
