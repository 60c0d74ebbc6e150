"""`linegate train --assign`: the new version judges at once, and the one before can be had back."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis

from shared.events.base import now
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.errors import TransitionRejected
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord
from shared.settings import Settings
from training.publish import assign

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich/line-1")


@pytest.fixture
def settings(redis_url: str) -> Iterator[Settings]:
    """An empty registry."""
    url = urlsplit(redis_url)._replace(path="/11").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield Settings.model_validate({"redis": {"url": url}})
        client.flushdb()


def test_the_former_champion_is_kept(settings: Settings) -> None:
    """Shadow and guard stay, a repetition changes nothing, a trial under way is not ended unseen."""
    with Registry(settings.redis) as registry:
        for version in ("v1", "v2", "v3"):
            registry.register(VersionRecord(version=version, digest="a" * 64, kind="padim"))
        assign(KEY, "v1", author="ada", settings=settings)
        registry.advance(KEY, lambda held: lifecycle.shadow(held, "v3"), action="shadow", author="ada")
        registry.advance(KEY, lambda held: lifecycle.guarded(held, {"min_parts": 99}), action="guard", author="ada")
        revision = assign(KEY, "v2", author="bob", settings=settings)
        held = registry.assignment(KEY)
        assert held is not None
        assert (held.record.champion, held.record.former, held.record.shadow) == ("v2", "v1", "v3")
        assert (held.record.guard.min_parts, held.record.author) == (99, "bob")
        assert registry.history(1)[0].action == "promote"
        assert assign(KEY, "v2", author="eve", settings=settings) == revision == registry.snapshot().revision
        registry.advance(KEY, lambda held: lifecycle.canary(held, "v1", 5, at=now()), action="canary", author="ada")
        with pytest.raises(TransitionRejected, match="v1 is on trial here"):
            assign(KEY, "v3", author="bob", settings=settings)
