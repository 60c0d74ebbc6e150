"""The watcher on a real Redis that is killed, restarted, emptied and set back."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from deploy.local.redis import RedisServer
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig
from shared.registry.snapshot import Snapshot
from shared.registry.watcher import RegistryWatcher
from shared.settings import RedisSettings
from tests.unit.faults import Told

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich/line-1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill."""
    with RedisServer(tmp_path / "redis") as own:
        yield own


@pytest.fixture
def own_registry(server: RedisServer) -> Iterator[Registry]:
    """A client of that server."""
    with Registry(RedisSettings.model_validate({"url": server.url, "timeout_s": 1.0})) as client:
        yield client


def eventually(condition: Callable[[], object], timeout: float = 30.0) -> None:
    """Wait until it holds; the limit only ends a test that hangs."""
    limit = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < limit, "it never came to hold"
        time.sleep(0.01)


def set_height(registry: Registry, height: int) -> int:
    """Change one entry; answers the new revision."""
    held = registry.snapshot().stations.get(str(KEY))
    return registry.set_station(
        KEY, StationConfig(height=height), expected=held.revision if held else None, author="ada"
    )


def height(watcher: RegistryWatcher) -> int | None:
    """What the watcher knows."""
    snapshot = watcher.snapshot
    held = snapshot.stations.get(str(KEY)) if snapshot else None
    return held.record.height if held else None


def fresh(watcher: RegistryWatcher) -> bool:
    """Whether the watcher's state is not stale."""
    return watcher.snapshot is not None and not watcher.snapshot.stale


def stale(watcher: RegistryWatcher) -> bool:
    """Whether the watcher knows that its state is old."""
    return watcher.snapshot is not None and watcher.snapshot.stale


def test_changes_arrive_without_polling(registry: Registry) -> None:
    """The poll interval is an hour here: only the change feed can have brought it."""
    seen: list[int] = []
    with RegistryWatcher(registry, poll_s=3600, changed=lambda s: seen.append(s.revision)) as watcher:
        assert watcher.wait_first(20)
        assert watcher.snapshot is not None
        assert watcher.snapshot.revision == 0
        for value in (101, 102, 103):
            set_height(registry, value)
            eventually(lambda value=value: height(watcher) == value)
    assert seen == [0, 1, 2, 3]


def test_a_listener_that_fails_does_not_end_the_following(registry: Registry) -> None:
    """Its fault is logged, the next change arrives."""

    def fail(_: Snapshot) -> None:
        raise RuntimeError("listener")

    with capture_logs() as logs, RegistryWatcher(registry, changed=fail) as watcher:
        assert watcher.wait_first(20)
        set_height(registry, 101)
        eventually(lambda: height(watcher) == 101)
    assert [entry["event"] for entry in logs].count("registry listener failed") >= 2


def test_redis_killed_and_restarted(server: RedisServer, own_registry: Registry) -> None:
    """Away: the last known good, marked stale. Back: fresh, with what happened since."""
    set_height(own_registry, 101)
    with RegistryWatcher(own_registry, poll_s=0.5) as watcher:
        assert watcher.wait_first(20)
        assert fresh(watcher)
        server.kill()
        eventually(lambda: stale(watcher))
        assert height(watcher) == 101
        server.start()
        set_height(own_registry, 102)
        eventually(lambda: fresh(watcher) and height(watcher) == 102)


def test_start_without_redis_from_the_copy(server: RedisServer, own_registry: Registry, tmp_path: Path) -> None:
    """A worker restarted while Redis is away judges by the copy of its earlier run, and says so."""
    copy = tmp_path / "cache" / "registry.json"
    set_height(own_registry, 101)
    with RegistryWatcher(own_registry, copy) as watcher:
        assert watcher.wait_first(20)
    server.kill()
    with RegistryWatcher(own_registry, copy) as watcher:
        assert watcher.wait_first(20)
        assert stale(watcher)
        assert height(watcher) == 101
        server.start()
        eventually(lambda: fresh(watcher))
    assert not list(copy.parent.glob("*.partial"))


def test_start_without_redis_and_without_a_copy(tmp_path: Path) -> None:
    """Nothing is known, nothing is invented."""
    away = Registry(RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"}))
    with RegistryWatcher(away, tmp_path / "none.json", poll_s=0.1) as watcher:
        assert not watcher.wait_first(0.3)
        assert watcher.snapshot is None


def test_a_damaged_copy_is_logged_and_not_used(registry: Registry, tmp_path: Path) -> None:
    """The worker starts from Redis and writes a good copy."""
    copy = tmp_path / "registry.json"
    copy.write_text('{"revision": 1, "assign')
    with capture_logs() as logs, RegistryWatcher(registry, copy) as watcher:
        assert watcher.wait_first(20)
        assert fresh(watcher)
        eventually(lambda: copy.read_text().endswith("}"))
    assert "last known good not readable" in [entry["event"] for entry in logs]


class Counted(Registry):
    """Counts how often the registry was asked for everything."""

    asked = 0

    def snapshot(self) -> Snapshot:
        """As the registry."""
        self.asked += 1
        return super().snapshot()


def test_a_long_outage_is_told_once(server: RedisServer) -> None:
    """However many polls fail: one fault raised, the state stale throughout, one fault cleared."""
    settings = RedisSettings.model_validate({"url": server.url, "timeout_s": 1.0})
    told = Told()
    with Counted(settings) as registry, RegistryWatcher(registry, poll_s=0.05, faults=told) as watcher:
        assert watcher.wait_first(20)
        server.kill()
        eventually(lambda: stale(watcher))
        before = registry.asked
        eventually(lambda: registry.asked >= before + 20)
        assert stale(watcher)
        assert [(report.kind, report.severity) for report in told.open] == [("registry_away", "error")]
        server.start()
        eventually(lambda: fresh(watcher))
        eventually(lambda: told.open == [])
    assert told.changes == [("raised", "registry_away"), ("cleared", "registry_away")]


def test_an_outage_from_the_start_is_critical_without_a_copy(server: RedisServer, tmp_path: Path) -> None:
    """Nothing is known: photos wait. With a copy it is no more than an error."""
    server.stop()
    settings = RedisSettings.model_validate({"url": server.url, "timeout_s": 1.0})
    copy, told = tmp_path / "copy.json", Told()
    with Registry(settings) as registry, RegistryWatcher(registry, copy, poll_s=0.05, faults=told) as watcher:
        eventually(lambda: told.open)
        assert [report.severity for report in told.open] == ["critical"]
        server.start()
        eventually(lambda: fresh(watcher) and copy.exists())
    server.stop()
    told = Told()
    with Registry(settings) as registry, RegistryWatcher(registry, copy, poll_s=0.05, faults=told):
        eventually(lambda: told.open)
        assert [report.severity for report in told.open] == ["error"]


def test_a_copy_that_cannot_be_written_is_told_and_costs_nothing(registry: Registry, tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "cache").write_bytes(b"")
    told = Told()
    with RegistryWatcher(registry, tmp_path / "cache" / "copy.json", faults=told) as watcher:
        assert watcher.wait_first(20)
        eventually(lambda: told.kinds == ["disk_failed"])
        set_height(registry, 101)
        eventually(lambda: height(watcher) == 101)
        (tmp_path / "cache").unlink()
        set_height(registry, 102)
        eventually(lambda: told.open == [])


@pytest.mark.parametrize("how", ["emptied", "set back"])
def test_redis_back_with_older_data(server: RedisServer, own_registry: Registry, how: str) -> None:
    """The newer state stays in force, marked stale, one error is logged; newer data are taken again."""
    told = Told()
    for value in (101, 102, 103):
        set_height(own_registry, value)
    with (
        capture_logs() as logs,
        RegistryWatcher(own_registry, poll_s=0.2, faults=told) as watcher,
        redis.Redis.from_url(server.url) as client,
    ):
        assert watcher.wait_first(20)
        if how == "emptied":
            client.flushall()
        else:
            client.set("{linegate}:revision", 1)
            client.hset("{linegate}:stations", str(KEY), f"1 {StationConfig(height=101).model_dump_json()}")
        eventually(lambda: stale(watcher))
        time.sleep(1.0)  # several polls
        assert height(watcher) == 103
        errors = [entry for entry in logs if entry["log_level"] == "error"]
        assert len(errors) == 1
        assert "went back from revision 3" in errors[0]["reason"]
        assert told.kinds == ["registry_older"]
        for value in (104, 105, 106, 107):
            set_height(own_registry, value)
        eventually(lambda: fresh(watcher) and height(watcher) == 107)
        assert told.changes == [("raised", "registry_older"), ("cleared", "registry_older")]


def test_a_frozen_redis_makes_the_state_stale(server: RedisServer, own_registry: Registry) -> None:
    """A server that accepts connections and does not answer counts as away."""
    import os
    import signal

    set_height(own_registry, 101)
    with RegistryWatcher(own_registry, poll_s=0.5) as watcher:
        assert watcher.wait_first(20)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            eventually(lambda: stale(watcher))
            assert height(watcher) == 101
        finally:
            os.kill(server.pid, signal.SIGCONT)
        eventually(lambda: fresh(watcher))


def test_readers_never_see_a_mixture(registry: Registry) -> None:
    """Readers in other threads see whole snapshots whose revisions only grow."""
    faults: list[str] = []
    done = threading.Event()

    def read(watcher: RegistryWatcher) -> None:
        last = 0
        while not done.is_set():
            snapshot = watcher.snapshot
            if snapshot is None:
                continue
            held = snapshot.stations.get(str(KEY))
            if snapshot.revision < last or (held and held.record.height != 100 + snapshot.revision):
                faults.append(f"{snapshot.revision} after {last}: {held}")
            last = snapshot.revision

    with RegistryWatcher(registry) as watcher:
        readers = [threading.Thread(target=read, args=(watcher,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for value in range(101, 131):
            set_height(registry, value)
        eventually(lambda: height(watcher) == 130)
        done.set()
        for reader in readers:
            reader.join()
    assert faults == []


def test_stop_is_quick_and_may_come_before_the_first_answer() -> None:
    """Stopping a watcher that never reached Redis does not hang."""
    watcher = RegistryWatcher(Registry(RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"})))
    watcher.start()
    watcher.stop()
    assert "registry-watcher" not in [thread.name for thread in threading.enumerate()]
