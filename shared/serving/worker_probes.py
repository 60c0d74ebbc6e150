"""Probes of a worker on the bus: by its loop's heartbeat and the time its step takes."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.bus.loop import Health, Worker
from shared.probes import probes
from shared.settings import ProbesSettings


@contextmanager
def worker_probes(worker: Worker, settings: ProbesSettings) -> Iterator[None]:
    """Answer probes of `worker`, where the settings want any, for the length of a `with` block.

    Raises:
        LinegateError: the address cannot be listened on.
    """
    with probes(
        settings,
        dead=lambda: worker_dead(worker.health, settings),
        unready=lambda: worker_unready(worker.health),
    ):
        yield


def worker_dead(health: Health, limits: ProbesSettings) -> str | None:
    """Why a worker should be killed: its loop stands still, or its step hangs. None where neither is so."""
    if health.tick_age_s > limits.max_tick_age_s:
        return f"the loop has not gone round for {health.tick_age_s:.0f} s"
    if health.step_busy_s > limits.max_step_s:
        return f"the step has been on one batch for {health.step_busy_s:.0f} s"
    return None


def worker_unready(health: Health) -> str | None:
    """Why a worker does not do its job yet. One that got no partition is ready: it stands by for another's."""
    return None if health.joined else "it has not joined its group"
