"""When a worker counts as dead, and when as ready."""

import pytest

from shared.bus.loop import Health
from shared.serving.worker_probes import worker_dead, worker_unready
from shared.settings import ProbesSettings

LIMITS = ProbesSettings(max_tick_age_s=100, max_step_s=500)


def health(tick_age_s: float = 0.1, step_busy_s: float = 0.0, *, joined: bool = True, assigned: int = 4) -> Health:
    """A worker that is well, changed."""
    return Health(tick_age_s=tick_age_s, step_busy_s=step_busy_s, joined=joined, assigned=assigned, held=0)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (health(), None),
        (health(100.0, 500.0), None),
        (health(100.1), "the loop has not gone round for 100 s"),
        (health(step_busy_s=501), "the step has been on one batch for 501 s"),
    ],
)
def test_dead_by_either_limit(found: Health, told: str | None) -> None:
    """A loop that stands still, or a step that hangs; up to the limits both are work."""
    assert worker_dead(found, LIMITS) == told


def test_ready_once_joined() -> None:
    """With partitions or without: a worker that stands by is ready, too."""
    assert worker_unready(health(joined=False, assigned=0)) is not None
    assert worker_unready(health(assigned=0)) is None
