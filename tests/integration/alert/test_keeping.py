"""What the alert worker keeps, on a real Redis."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from services.alert.desk_watcher import DeskWatcher
from services.alert.places import Places, RedisPlaces
from services.alert.scripts import COARSE, FAULTS, SERIES, TELLER
from services.alert.series.on_redis import RedisSeries
from services.alert.series.series import Series
from services.alert.standing_faults import RedisStanding
from services.alert.telling.lease import HOLD_MS, Lease
from shared.alerts import scripts
from shared.alerts.conditions import EachFail
from shared.alerts.desk import SubscriptionDesk
from shared.settings.sections import RedisSettings
from tests.unit.services.alert.keeping_suite import COUNTS, KEY, Addition, PlacesSuite, SeriesSuite, seen
from tests.unit.services.alert.parts import fault, subscription

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any alert."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as found:
        for key in found.scan_iter(scripts.PREFIX + "*"):
            found.delete(key)
        yield found


@pytest.fixture
def settings(redis_url: str, client: redis.Redis) -> RedisSettings:  # noqa: ARG001 - emptied first
    """Where it is."""
    return RedisSettings.model_validate({"url": redis_url})


class TestRedisSeries(SeriesSuite):
    """The suite."""

    @pytest.fixture
    def series(self, settings: RedisSettings) -> Iterator[Series]:
        """An empty one."""
        with RedisSeries(settings) as made:
            yield made


class TestRedisPlaces(PlacesSuite):
    """The suite."""

    @pytest.fixture
    def places(self, settings: RedisSettings) -> Iterator[Places]:
        """An empty one."""
        with RedisPlaces(settings) as made:
            yield made


def test_series_end_by_themselves(settings: RedisSettings, client: redis.Redis) -> None:
    """Nobody has to clean up after a subscription: an hour more than its window."""
    with RedisSeries(settings) as series:
        series.add([Addition(KEY, seen(1, 1), COUNTS)])
    left = {prefix: client.pttl(f"{prefix}{KEY}") / 1000 for prefix in (SERIES, COARSE)}
    assert left[SERIES] == pytest.approx(timedelta(hours=1, minutes=1).total_seconds(), abs=120)
    assert left[COARSE] == pytest.approx(timedelta(hours=2, minutes=1).total_seconds(), abs=120)


def test_one_holds_a_lease(settings: RedisSettings, client: redis.Redis) -> None:
    """Until it lets go, or is silent for too long; the same name goes on."""
    with Lease(settings, TELLER, "a") as mine, Lease(settings, TELLER, "b") as theirs:
        assert [mine.hold(), theirs.hold(), mine.hold()] == [True, False, True]
        assert 0 < client.pttl(TELLER) <= HOLD_MS
        theirs.let_go()
        assert not theirs.hold()
        mine.let_go()
        assert [theirs.hold(), mine.hold()] == [True, False]
        client.delete(TELLER)  # as if its time were over
        assert [mine.hold(), theirs.hold()] == [True, False]
    with Lease(settings, TELLER, "a") as again:
        assert again.hold()


def test_faults_stand_until_they_are_over(settings: RedisSettings, client: redis.Redis) -> None:
    """One that is not understood is passed over."""
    with RedisStanding(settings) as standing:
        standing.put(fault("1"))
        standing.put(fault("2"))
        standing.put(fault("2"))
        client.hset(FAULTS, "newer", '{"kind": "flying_saucer"}')
        assert sorted(one.key for one in standing.all()) == ["crop/1", "crop/2"]
        standing.remove(["crop/1"])
        standing.remove([])
        assert standing.all() == [fault("2")]


def test_a_subscription_is_seen_with_the_next_question(settings: RedisSettings) -> None:
    """Not only when its thread looks again: the photo that is sent after it was saved is to be counted by it."""
    record = subscription(EachFail())
    with SubscriptionDesk(settings) as desk, DeskWatcher(desk, poll_s=3600) as watcher:
        desk.put_subscription(record, expected=None, author="test")
        assert watcher.snapshot is not None
        assert not watcher.snapshot.subscriptions
        found = watcher.latest()
        assert found is not None
        assert found.subscriptions.keys() == {record.id}


def test_while_redis_is_away_what_was_known_stays(settings: RedisSettings) -> None:
    """The step then waits by itself, since it cannot count either."""
    with SubscriptionDesk(settings) as desk:
        desk.put_subscription(subscription(EachFail()), expected=None, author="test")
        watcher = DeskWatcher(desk)
        known = watcher.latest()
    nowhere = RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0", "timeout_s": 0.5})
    with SubscriptionDesk(nowhere) as away:
        watcher._desk = away
        assert watcher.latest() is known
