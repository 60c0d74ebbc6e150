"""The doctor on real servers, well and unwell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from deploy.doctor import servers
from deploy.doctor.crops import crops
from deploy.local.redis import RedisServer
from shared.crop_recipe import CropRecipe
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.settings import Settings
from shared.store import ArtifactStore


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server whose configuration the test may change."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


def levels(findings: Any) -> list[tuple[str, str]]:
    """Level and text of each."""
    return [(finding.level, finding.told) for finding in findings]


@pytest.mark.redis
def test_redis_well(own_redis: RedisServer) -> None:
    """It answers, keeps its file, and has the same clock."""
    settings = Settings.model_validate({"redis": {"url": own_redis.url}})
    found = levels(servers.redis(settings))
    assert [level for level, _ in found] == ["OK", "OK", "OK"]
    assert "append-only" in found[1][1]


@pytest.mark.redis
def test_crops_that_models_were_not_made_for(own_redis: RedisServer, tmp_path: Path) -> None:
    """A reference that is not in the store fails; a station that crops otherwise is a warning; then all is well."""
    store = {"url": str(tmp_path / "store"), "cache_dir": str(tmp_path / "cache")}
    settings = Settings.model_validate({"redis": {"url": own_redis.url}, "store": store})
    ArtifactStore(settings.store).probe()
    recipe, key = CropRecipe(reference="a" * 64), PlaceKey.parse("munich/line-1")
    assert [level for level, _ in levels(crops(settings))] == ["OK"]
    with Registry(settings.redis) as registry:
        registry.register(VersionRecord(version="v1", digest="1" * 64, kind="padim", crop=recipe))
        registry.assign(key, Assignment(champion="v1"), expected=None, author="ada")
        ((level, told),) = levels(crops(settings))
        assert level == "WARN"
        assert "v1" in told
        station = StationConfig(**recipe.model_dump())
        registry.set_station(key, station, expected=None, author="ada")
        ((level, told),) = levels(crops(settings))
        assert level == "FAIL"
        assert "aaaaaaaaaaaa" in told


@pytest.mark.redis
def test_redis_that_forgets(own_redis: RedisServer) -> None:
    """Without its file, or allowed to evict, it is a warning each."""
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
    found = levels(servers.redis(Settings.model_validate({"redis": {"url": own_redis.url}})))
    assert [level for level, _ in found] == ["OK", "WARN", "WARN", "OK"]
    assert "allkeys-lru" in found[2][1]


@pytest.mark.kafka
def test_kafka_well(kafka: Any) -> None:
    """It answers and has every topic."""
    settings = Settings.model_validate({"bus": {"bootstrap_servers": kafka.bootstrap_servers}})
    found = levels(servers.kafka(settings))
    assert [level for level, _ in found] == ["OK", "OK"]


@pytest.mark.kafka
def test_kafka_without_topics(kafka: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing ones are named."""
    monkeypatch.setattr("shared.bus.topics.all_topics", lambda: ("linegate.nowhere",))
    settings = Settings.model_validate({"bus": {"bootstrap_servers": kafka.bootstrap_servers}})
    found = levels(servers.kafka(settings))
    assert found[1] == ("WARN", "Kafka lacks the topics linegate.nowhere")
