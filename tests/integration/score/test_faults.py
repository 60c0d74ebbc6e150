"""Faults outside Kafka, on a real worker: parts go on or wait, verdicts say so, and people are told once."""

import shutil

import pytest

from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig
from tests.integration.score.conftest import ScoreLine

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_redis_away_at_the_start_then_during_work_then_back_with_older_data(line: ScoreLine) -> None:
    """Nothing known: parts wait. Known: they are judged by the last known good, and the verdict says so."""
    line.start()
    waiting = line.send()
    fault = line.wait_told("registry_away", "raised")
    assert (fault.severity, fault.worker, fault.plant) == ("critical", "score", None)
    line.redis.start()
    line.assign("old")
    first = line.verdict_on(waiting).model
    assert first is not None
    assert (first.version, first.stale) == ("old", False)
    line.wait_told("registry_away", "cleared")

    line.redis.kill()
    line.told.clear()
    away = line.stamp_when(lambda stamp: stamp.stale)
    assert (away.version, away.revision) == ("old", first.revision)
    assert line.wait_told("registry_away", "raised").severity == "error"
    line.redis.start()
    line.stamp_when(lambda stamp: not stamp.stale)
    line.wait_told("registry_away", "cleared")

    # A backup of now is restored after the plant was set to a newer version.
    line.redis.stop()
    shutil.copytree(line.folder / "redis", line.folder / "backup")
    line.redis.start()
    newer = line.assign("new")
    line.stamp_when(lambda stamp: stamp.version == "new" and not stamp.stale)
    line.redis.stop()
    shutil.rmtree(line.folder / "redis")
    shutil.copytree(line.folder / "backup", line.folder / "redis")
    line.redis.start()
    older = line.wait_told("registry_older", "raised")
    assert older.hint is not None
    assert "remove" in older.hint
    kept = line.stamp()
    assert (kept.version, kept.revision, kept.stale) == ("new", newer, True)
    # Whoever repeats the changes is heard again.
    with Registry(line.settings.redis) as registry:
        key = PlaceKey.parse("elsewhere")
        revision: int | None = None
        for height in range(100, 103):
            revision = registry.set_station(key, StationConfig(height=height), expected=revision, author="ada")
    line.wait_told("registry_older", "cleared")
    assert line.stamp_when(lambda stamp: not stamp.stale).version == "old"


def test_a_damaged_version_across_a_restart_without_redis(line: ScoreLine) -> None:
    """The old model judges, also after a restart with Redis away, until the bundle is mended."""
    line.redis.start()
    line.assign("old")
    line.start()
    assert line.stamp().fallback is None
    line.artifact("new").write_bytes(b"\x80\x04 not a model")
    line.assign("new")
    stamp = line.stamp_when(lambda stamp: stamp.fallback is not None)
    assert stamp.fallback is not None
    assert (stamp.version, stamp.digest, stamp.fallback.assigned) == ("old", line.digests["old"], "new")
    fault = line.wait_told("model_not_loaded", "raised")
    assert (fault.severity, fault.version, fault.plant) == ("error", "new", line.name)

    line.stop()
    line.redis.kill()
    line.told.clear()
    line.start()
    again = line.stamp()
    assert (again.version, again.stale, again.fallback) == ("old", True, stamp.fallback)
    line.wait_told("model_not_loaded", "raised")
    line.mend("new")
    line.stamp_when(lambda stamp: stamp.version == "new" and stamp.fallback is None)
    line.wait_told("model_not_loaded", "cleared")
    line.redis.start()
    line.wait_told("registry_away", "cleared")


def test_the_store_away_during_work(line: ScoreLine) -> None:
    """Nobody notices but the people who can mend it; a newly assigned version waits for the store."""
    line.redis.start()
    line.assign("old")
    line.start()
    assert line.stamp().version == "old"
    (line.folder / "store").rename(line.folder / "away")
    assert line.wait_told("store_away", "raised").severity == "warning"
    assert line.stamp().fallback is None
    line.assign("new")
    stamp = line.stamp_when(lambda stamp: stamp.fallback is not None)
    assert stamp.version == "old"
    (line.folder / "away").rename(line.folder / "store")
    line.stamp_when(lambda stamp: stamp.version == "new")
    line.wait_told("store_away", "cleared")
    line.wait_told("model_not_loaded", "cleared")


def test_a_cache_folder_that_cannot_be_made(line: ScoreLine) -> None:
    """A worker without a disk of its own judges all the same, and tells, until a write goes well."""
    cache = line.folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.write_bytes(b"")
    line.redis.start()
    line.assign("old")
    line.start()
    assert line.stamp().version == "old"
    assert line.wait_told("disk_failed", "raised").severity == "warning"
    cache.unlink()
    line.assign("new")
    line.stamp_when(lambda stamp: stamp.version == "new")
    line.wait_told("disk_failed", "cleared")
    assert (cache / "sha256" / line.digests["new"][:2] / line.digests["new"]).exists()
