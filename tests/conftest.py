"""Settings shared by all tests, and what lets several processes run them at once (pytest-xdist).

Each process has servers of its own and ports of its own. Servers given by the environment are one for all, so with
those there is one process (`make` sees to it).
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from deploy.local import process

# A loaded machine must not fail a test: nothing here asserts on wall time.
# Derandomised: a change is judged by the same examples everywhere; `HYPOTHESIS_PROFILE=search` looks for new ones.
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "max_examples": 60}
settings.register_profile("linegate", derandomize=True, **quiet)
settings.register_profile("search", **quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "linegate"))


def pytest_configure(config: pytest.Config) -> None:
    """Give this process of several its own part of the ports; refuse several processes on given servers."""
    given = [name for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL") if name in os.environ]
    if given and config.getoption("numprocesses", None):
        raise pytest.UsageError(f"{' and '.join(given)} would be shared by several processes: run pytest with -n 0")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        # `free_port` looks before its caller binds: two processes that look at once must not see the same port.
        number, count = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        process.PORTS = process.PORTS[number::count]  # type: ignore[misc]  # Final for the product, not for its tests


class FolderScheduling(LoadFileScheduling):
    """Whole files to each process, and the browser's tests as a whole: their files share one stack."""

    def _split_scope(self, nodeid: str) -> str:
        folder = "tests/browser"
        return folder if nodeid.startswith(f"{folder}/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling | None:
    """How tests are handed out with `--dist loadfile`."""
    return FolderScheduling(config, log) if config.getoption("dist") == "loadfile" else None
