"""The monitor on streams of verdicts: what it tells, what it must not take for drift, and what it forgets."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from pydantic import ValidationError

from services.rollout.drift.metrics import DriftMetrics
from services.rollout.drift.monitor import DriftMonitor
from services.rollout.drift.window import Watched
from shared.events import Verdict
from shared.registry.snapshot import Snapshot
from shared.settings.drift import DriftSettings
from tests.unit.faults import Told
from tests.unit.services.rollout.drift.streams import KEY, WATCHED, near, normal, record, snapshot, verdicts
from tests.unit.shared.trials.opinions import NOW, opinion

LIMITS = DriftSettings(window_parts=200, min_parts=100, window_s=3600)
HOUR = timedelta(hours=1)


class Watching:
    """A monitor that looks after every 20 verdicts."""

    def __init__(self, limits: DriftSettings = LIMITS, known: Snapshot | None = None) -> None:
        self.told = Told()
        self.reader = InMemoryMetricReader()
        self.monitor = DriftMonitor(limits, self.told, DriftMetrics(MeterProvider([self.reader]).get_meter("test")))
        self.known = known or snapshot()

    def watch(self, stream: Sequence[Verdict]) -> list[str]:
        """Kinds of the faults that are there at the end."""
        for i, verdict in enumerate(stream, start=1):
            self.monitor.saw(verdict)
            if i % 20 == 0 or i == len(stream):
                self.monitor.look(verdict.time, self.known)
        return sorted(self.told.kinds)

    def gauges(self, name: str) -> dict[str, float]:
        """Values of a gauge, by signal."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        points = [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]
        assert all(dict(point.attributes or {})["key"] == KEY for point in points)
        return {str(dict(point.attributes or {}).get("signal", "")): point.value for point in points}


def test_good_parts_are_quiet() -> None:
    """A thousand like the held-out ones."""
    watching = Watching()
    assert watching.watch(verdicts(normal(1000, 0), near(1000, 1))) == []
    assert watching.told.changes == []


def test_a_change_is_raised_once_and_cleared_once() -> None:
    """Scores and distances rise, stay so for long, and fall again; the fault says where, how much and what to do."""
    watching = Watching()
    scores = [*normal(200, 0), *normal(400, 1, at=1.0), *normal(400, 2)]
    distances = [*near(200, 3), *near(400, 4, at=1.3), *near(400, 5)]
    stream = verdicts(scores, distances)
    assert watching.watch(stream[:600]) == ["embedding_drift", "score_drift"]
    fault = next(report for report in watching.told.open if report.kind == "score_drift")
    assert fault.where == {"plant": "munich", "line": "line-1", "station": "any", "camera": "stationary"}
    assert fault.version == "v1"
    assert fault.severity == "warning"
    assert "v1 at munich/line-1/any/*/stationary" in fault.detail
    assert "200 parts beside 200" not in fault.detail  # those of them that passed
    assert "rejected" in fault.detail
    assert fault.hint is not None
    assert "recalibrate" in fault.hint
    assert watching.watch(stream[600:]) == []
    assert sorted(watching.told.changes) == [
        ("cleared", "embedding_drift"),
        ("cleared", "score_drift"),
        ("raised", "embedding_drift"),
        ("raised", "score_drift"),
    ]


def test_lower_scores_are_drift_and_smaller_distances_are_not() -> None:
    """A lens out of focus hides damage; pictures nearer to those of training are none the worse."""
    assert Watching().watch(verdicts(normal(300, 0, at=-1.5), near(300, 1, at=0.5))) == ["score_drift"]


def test_damage_does_not_look_like_drift() -> None:
    """A fifth of the parts damaged, four fifths of these caught: the passed ones are what they were."""
    random = np.random.default_rng(0)
    scores = np.array(normal(1000, 0))
    damaged = random.random(1000) < 0.2
    scores[damaged] += random.normal(5.0, 2.0, int(damaged.sum()))
    watching = Watching()
    assert watching.watch(verdicts(scores.tolist(), near(1000, 1))) == []
    assert watching.told.changes == []
    assert watching.monitor.findings[WATCHED].rejected > 0.1


@pytest.mark.parametrize("at", [4.0, 20.0])
def test_a_change_that_rejects_nearly_everything_is_drift(at: float) -> None:
    """No passed parts are left to compare: silence would be the worst answer."""
    watching = Watching()
    stream = verdicts([*normal(200, 0), *normal(200, 1, at=at)], near(400, 2))
    assert watching.watch(stream) == ["score_drift"]
    assert "too many to tell damage from drift" in watching.told.open[0].detail
    assert watching.watch(verdicts(normal(300, 3), near(300, 4), start=stream[-1].time)) == []


def test_a_value_at_its_limit_raises_one_fault() -> None:
    """Around the limit, now above and now below: it stays raised until it is well below."""
    watching = Watching(DriftSettings(window_parts=100, min_parts=100, window_s=3600, confidence=0.99))
    scores = [score for i in range(12) for score in normal(100, i, at=0.55 if i % 2 else 0.75)]
    watching.watch(verdicts(scores, near(1200, 1)))
    assert watching.told.changes == [("raised", "score_drift")]


def test_nothing_is_decided_on_few_parts() -> None:
    """However far they are."""
    watching = Watching()
    assert watching.watch(verdicts(normal(99, 0, at=2.0), near(99, 1, at=9.0))) == []
    assert watching.watch(verdicts(normal(60, 2, at=2.0), near(60, 3, at=9.0), start=NOW + HOUR / 30)) != []


def test_order_of_arrival_does_not_matter() -> None:
    """At the start one partition is read after the other."""
    stream = verdicts([*normal(300, 0), *normal(250, 1, at=1.0)], near(550, 2))
    found = []
    for order in (stream, stream[::-1], stream[::2] + stream[1::2]):
        watching = Watching()
        for verdict in order:
            watching.monitor.saw(verdict)
        watching.monitor.look(stream[-1].time, watching.known)
        finding = watching.monitor.findings[WATCHED]
        found.append((finding.parts, finding.score.shift, finding.embedding.shift, finding.drifting))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == 200


def test_each_camera_has_a_window_of_its_own() -> None:
    """One of five that drifts is seen, and is the one that is named."""
    watching = Watching()
    lines = [f"line-{i}" for i in range(1, 6)]
    streams = [
        verdicts(normal(200, i, at=1.5 if line == "line-4" else 0.0), near(200, 10 + i), line=line, name=line)
        for i, line in enumerate(lines)
    ]
    watching.watch([verdict for at_once in zip(*streams, strict=True) for verdict in at_once])
    assert [report.where["line"] for report in watching.told.open] == ["line-4"]
    assert len(watching.monitor.findings) == 5


def test_whoever_is_not_the_champion_at_work_does_not_count() -> None:
    """Canaries, shadows, stand-ins, and parts that no model saw."""
    for arm in ("canary", "shadow"):
        assert Watched.of(opinion("p", "v1", arm)) is None  # type: ignore[arg-type]  # one of the arms
    assert Watched.of(opinion("p", "v0", "champion", stands_in_for="v1")) is None
    assert Watched.of(opinion("p", "v1", "champion").model_copy(update={"model": None})) is None
    assert Watched.of(opinion("p", "v1", "champion")) == WATCHED


def test_a_replaced_champion_is_forgotten() -> None:
    """Its fault is over, and its successor begins afresh."""
    watching = Watching()
    assert watching.watch(verdicts(normal(200, 0, at=1.5), near(200, 1))) == ["score_drift"]
    watching.known = snapshot("v2", record("v1"), record("v2"))
    assert watching.watch(verdicts(normal(200, 2), near(200, 3), version="v2", start=NOW + HOUR / 4)) == []
    assert [watched.version for watched in watching.monitor.findings] == ["v2"]


def test_old_parts_do_not_count() -> None:
    """A line that stood still for longer than the window begins afresh: what holds now nobody knows."""
    watching = Watching()
    assert watching.watch(verdicts(normal(200, 0, at=1.5), near(200, 1))) == ["score_drift"]
    watching.monitor.look(NOW + 2 * HOUR, watching.known)
    assert watching.told.open == []
    assert watching.gauges("linegate.drift.parts") == {}


def test_a_drift_stays_while_too_few_parts_came_since() -> None:
    """The window ran nearly empty over a break."""
    watching = Watching()
    first = verdicts(normal(200, 0, at=1.5), near(200, 1))
    assert watching.watch(first) == ["score_drift"]
    watching.monitor.look(first[-1].time + HOUR - timedelta(seconds=30), watching.known)
    assert watching.told.kinds == ["score_drift"]
    assert "too few parts since" in watching.told.open[0].detail


def test_a_version_without_distances_is_watched_by_its_scores() -> None:
    """As those of older bundles are."""
    watching = Watching(known=snapshot("v1", record(distances=False)))
    assert watching.watch(verdicts(normal(200, 0, at=1.5), [None] * 200)) == ["score_drift"]
    assert watching.gauges("linegate.drift.drifting") == {"score": 1.0, "embedding": 0.0}


def test_what_is_measured() -> None:
    """Gauges of both signals; a version without reference has no indices."""
    watching = Watching()
    scores, distances = normal(150, 0), near(150, 1)
    watching.watch(verdicts(scores, distances))
    assert watching.gauges("linegate.drift.parts") == {"": 150}
    assert watching.gauges("linegate.drift.reject_rate") == {"": 0}
    assert watching.gauges("linegate.drift.mean") == pytest.approx(
        {"score": np.mean(scores), "embedding": np.mean(distances)}
    )
    assert watching.gauges("linegate.drift.deviation")["score"] == pytest.approx(np.std(scores))
    assert watching.gauges("linegate.drift.psi").keys() == {"score", "embedding"}
    assert watching.gauges("linegate.drift.ks")["score"] < 0.2
    assert watching.gauges("linegate.drift.quantile")["score"] == pytest.approx(np.quantile(scores, 0.95))


def test_a_window_smaller_than_its_least_parts_is_refused() -> None:
    """Nothing would ever be decided."""
    with pytest.raises(ValidationError, match="more than the window_parts"):
        DriftSettings(window_parts=50, min_parts=100)
