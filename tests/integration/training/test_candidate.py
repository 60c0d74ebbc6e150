"""What a candidate may do to its place: nothing that changes what others judge by. On a real registry."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from shared.crop_recipe import CropRecipe
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import RedisSettings, Settings, StoreSettings
from tests.integration.training.service import SPEC
from tests.unit.training.pictures import write_photos
from training.data.source import open_data
from training.make_version import make_version
from training.order import Means, Order
from training.publish import publish_version, settle_station
from training.worker.board import LeaseLost

pytestmark = pytest.mark.redis
DATABASE = 10
"""Of the tests' Redis: the other tests leave it alone."""
SMALL = CropRecipe(policy="full_frame", height=32, width=32)


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """An empty registry and a store."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield Settings(
            redis=RedisSettings.model_validate({"url": url}),
            store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"),
        )
        client.flushdb()


@pytest.fixture
def registry(settings: Settings) -> Iterator[Registry]:
    """Its client."""
    with Registry(settings.redis) as registry:
        yield registry


def record(version: str, place: str | None = "munich/line-1", crop: CropRecipe | None = SMALL) -> VersionRecord:
    """A version."""
    key = None if place is None else PlaceKey.parse(place)
    return VersionRecord(version=version, digest="1" * 64, kind="padim", place=key, crop=crop)


def settle(settings: Settings, candidate: VersionRecord) -> list[str]:
    """Of a candidate that is registered."""
    with Registry(settings.redis) as registry:
        registry.register(candidate)
    return settle_station(candidate, author="ada", settings=settings)


def test_a_free_place_is_set(settings: Settings, registry: Registry) -> None:
    """Once; the next candidate finds it as it needs it."""
    assert settle(settings, record("v1")) == []
    assert registry.stations()["munich/line-1/*/*/*"].record == StationConfig(**SMALL.model_dump())
    assert settle(settings, record("v2")) == []


@pytest.mark.parametrize("entry", ["munich", "munich/line-1", "munich/line-1/s1", "*/*/*/us"])
def test_what_is_set_stays(settings: Settings, registry: Registry, entry: str) -> None:
    """Here, above and below: a candidate that needs other crops says so."""
    key = PlaceKey.parse(entry)
    held = StationConfig(height=64, width=64)
    registry.set_station(key, held, expected=None, author="bob")
    (warning,) = [line for line in settle(settings, record("v1")) if str(key) in line]
    assert "height: 32, 64" in warning
    assert {text: station.record for text, station in registry.stations().items()} == {key.root: held}


def test_a_place_where_others_may_judge_by_default_crops_stays(settings: Settings, registry: Registry) -> None:
    """A station entry would change the crops of whatever judges there without one."""
    for other in (record("v1", "munich", CropRecipe()), record("v2", None, None)):
        registry.register(other)
        (warning,) = settle(settings, record("v3"))
        assert "linegate rollout station munich/line-1" in warning
    assert registry.stations() == {}
    # Who judges elsewhere is no hindrance.
    assert settle(settings, record("v4", "puebla")) != []
    registry.register(record("v5", "berlin", CropRecipe()))


def test_who_lost_the_job_registers_nothing(settings: Settings, registry: Registry, tmp_path: Path) -> None:
    """The bundle may lie in the store; nobody is told of it. Made without any setting of store or registry."""
    write_photos(tmp_path / "tiles", good=40, damaged=6)
    order = Order(version="late-1", spec=SPEC, place=PlaceKey.parse("munich"), job="job", parent="v0", author="ada")
    data = open_data(tmp_path / "tiles")
    made, _ = make_version(order, data, tmp_path / "out", means=Means(device="cpu"), reference=None)
    assert (made.record.job, made.record.parent, made.record.place) == ("job", "v0", order.place)

    def lost() -> None:
        raise LeaseLost("another's")

    with pytest.raises(LeaseLost):
        publish_version(made, settings, before_register=lost)
    assert registry.versions() == []
    assert publish_version(made, settings) == made.record
    assert registry.versions() == [made.record]
