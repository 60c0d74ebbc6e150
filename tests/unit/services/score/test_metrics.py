"""What is counted of verdicts: latencies by clocks that can be trusted, and verdicts by another version."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.score import verdicts
from services.score.metrics import ScoreMetrics
from shared.events import Arm, Fallback, ModelStamp, Timings
from tests.unit.services.events import CAPTURED, crop


def counted(*, latency_ms: float, skew: float | None = None, arm: Arm = "champion", fallback: bool = False) -> Any:
    """Metrics by name after one verdict: histogram counts, or counter values."""
    reader = InMemoryMetricReader()
    own = ScoreMetrics(MeterProvider([reader]).get_meter("test"))
    instead = Fallback(assigned="new", arm="champion", reason="damaged") if fallback else None
    stamp = ModelStamp(
        version="old", digest="0" * 64, kind="padim", arm=arm, assignment="*", revision=1, fallback=instead
    )
    verdict = verdicts.verdict(
        crop(), verdicts.damage_check(0, 1), stamp, Timings(clock_skew=skew), clock=lambda: CAPTURED
    )
    timings = verdict.timings.model_copy(update={"capture_to_verdict": latency_ms})
    own.judged(verdict.model_copy(update={"timings": timings}))
    data = reader.get_metrics_data()
    if data is None:
        return {}
    points = {m.name: m.data.data_points[0] for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    return {name: getattr(point, "sum", None) or point.value for name, point in points.items()}


@pytest.mark.parametrize(
    ("latency_ms", "skew", "expected"),
    [
        (412.0, None, {"linegate.verdict.latency": 0.412}),
        (-3600_000.0, None, {}),
        (3600_000.0, -3600_000.0, {}),
        (-30.0, None, {}),
        (3600_001.0, None, {}),
    ],
)
def test_a_wrong_clock_does_not_poison_the_latency(latency_ms: float, skew: float | None, expected: Any) -> None:
    """Negative, absurd, or by a clock that is known to be off: left out."""
    assert counted(latency_ms=latency_ms, skew=skew) == pytest.approx(expected)


def test_verdicts_by_another_version_are_counted() -> None:
    """So that a dashboard shows them."""
    assert counted(latency_ms=-1, fallback=True) == {"linegate.verdict.fallbacks": 1}


def test_a_shadow_is_no_verdict() -> None:
    """It never gated anything."""
    assert counted(latency_ms=412.0, arm="shadow") == {}
