"""Steps of open alerts by the clock, on a real Redis; the clock is set by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from services.alert.dead_letters import LetterCount
from services.alert.desk_watcher import DeskWatcher
from services.alert.firing import Firing
from services.alert.metrics import AlertMetrics
from services.alert.places import LastSeen, RedisPlaces
from services.alert.series.on_redis import RedisSeries
from services.alert.standing_faults import RedisStanding
from services.alert.ticking.missing import Missing, Moments
from services.alert.ticking.tending import Tending, standing_of
from shared.alerts import life, scripts
from shared.alerts.book import AlertBook
from shared.alerts.channels import Mqtt
from shared.alerts.conditions import DeadLetters, EachFail, FaultRaised, NoPhotos, NoVerdicts
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.hours import ActiveHours
from shared.alerts.records import Group, Silence, Trigger
from shared.alerts.subscription import Escalation, Subscription
from shared.bus.dead_letter import Letter, Origin
from shared.events import Place
from shared.registry.place_key import PlaceKey
from shared.settings.sections import RedisSettings
from tests.unit.services.alert.memory import at
from tests.unit.services.alert.parts import fault, subscription

pytestmark = pytest.mark.redis
HERE, THERE = Place(plant="munich", line="line-1"), Place(plant="munich", line="line-2")


class Bench:
    """Everything but Kafka."""

    def __init__(self, settings: RedisSettings) -> None:
        self.now = at(0)
        self.book = AlertBook(settings, clock=lambda: self.now)
        self.desk = SubscriptionDesk(settings)
        self.places = RedisPlaces(settings)
        self.standing = RedisStanding(settings)
        self.series = RedisSeries(settings)
        self.watch = DeskWatcher(self.desk)
        metrics = AlertMetrics()
        self.firing = Firing(self.book, oldest_s=86_400, clock=lambda: self.now, metrics=metrics)
        self.missing = Missing(self.places, self.firing, forget_days=7)
        self.tending = Tending(
            self.book, self.watch, self.standing, self.missing,
            keep_closed_days=1, clock=lambda: self.now, metrics=metrics,
        )  # fmt: skip

    def put(self, record: Subscription) -> Subscription:
        """Make a subscription, or change it."""
        held = self.desk.subscriptions().get(record.id)
        self.desk.put_subscription(record, expected=None if held is None else held.revision, author="kim")
        return record

    def fail(self, mine: Subscription, image: str = "i1") -> None:
        """A part failed."""
        group = Group(plant="munich", line="line-1")
        self.firing.fire(self.watch.reload(), mine, [Trigger(id=image, group=group, summary="x", time=self.now)])

    def look(self, seconds: float, moments: Moments | None = None) -> list[str]:
        """One look so long after the beginning; answers the steps that it took, and what fired."""
        self.now = at(seconds)
        seen = self.book.latest_log_entry()
        as_of = moments or Moments(self.now, self.now)
        snapshot = self.watch.reload()
        self.missing.look(snapshot, as_of, lambda: standing_of(self.book.open_alerts(), snapshot))
        self.tending.look(as_of)
        return [f"{change.subscription} {change.step}" for _, change in self.book.log(seen)]

    def close(self) -> None:
        """End."""
        for one in (self.book, self.desk, self.places, self.standing, self.series):
            one.close()


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    """An empty one."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter(scripts.PREFIX + "*"):
            client.delete(key)
    made = Bench(RedisSettings.model_validate({"url": redis_url}))
    yield made
    made.close()


LAMP = Mqtt(name="lamp", topic="lamp")


def test_repeated_escalated_resolved(bench: Bench) -> None:
    """Each in its time, each once, however many look."""
    mine = bench.put(
        subscription(
            EachFail(), repeat_s=600, resolve_after_s=1800, escalation=Escalation(after_s=900, channels=(LAMP,))
        )
    )
    bench.fail(mine)
    assert bench.look(599) == []
    assert bench.look(600) == ["mine repeated"]
    assert bench.look(601) == []
    assert bench.look(900) == ["mine escalated"]
    assert bench.look(1799) == ["mine repeated"]
    assert bench.look(2000, Moments(at(2000), at(1799))) == []
    assert bench.look(2000) == ["mine resolved"]
    (over,) = bench.book.closed_alerts()
    assert (over.record.resolved_by, over.record.note) == ("linegate", "not met again for 1800 s")


def test_two_who_look_at_once_take_one_step(bench: Bench) -> None:
    """What was seen has moved for the second one."""
    mine = bench.put(subscription(EachFail(), repeat_s=600))
    bench.fail(mine)
    (seen,) = bench.book.open_alerts()
    bench.now = at(600)
    bench.book.take(seen.record.id, life.repeat, mine, expected=seen.revision)
    taken: list[Any] = []
    real = bench.book.open_alerts
    bench.book.open_alerts = lambda: taken.append(1) or [seen]  # type: ignore[method-assign,func-returns-value]
    bench.tending.look(Moments(at(600), at(600)))
    bench.book.open_alerts = real  # type: ignore[method-assign]
    assert taken
    assert [change.step for _, change in bench.book.log()] == ["fired", "repeated"]


def test_a_silence_begins_and_ends(bench: Bench) -> None:
    """An open alert is muted, and told when it is over, also where the silence is removed."""
    mine = bench.put(subscription(EachFail(), repeat_s=60, resolve_after_s=9999))
    bench.fail(mine)
    silence = Silence(id="s", scope=PlaceKey.parse("munich"), begin=at(10), end=at(500), by="kim")
    revision = bench.desk.put_silence(silence)
    assert bench.look(9) == []
    assert bench.look(10) == ["mine muted"]
    assert bench.look(300) == []
    bench.desk.remove_silence("s", expected=revision, author="kim")
    assert bench.look(301) == ["mine unmuted"]
    bench.desk.put_silence(silence)
    assert bench.look(302) == ["mine muted"]
    assert bench.look(500) == ["mine unmuted"]
    assert bench.look(501) == ["mine repeated"]


def test_whose_subscription_is_gone_is_over(bench: Bench) -> None:
    """Removed, disabled, or about something else; not where a newer version wrote it."""
    for name in ("removed", "disabled", "changed", "newer"):
        bench.fail(bench.put(subscription(EachFail(), name)))
    bench.desk.remove_subscription("removed", expected=bench.desk.subscriptions()["removed"].revision, author="kim")
    bench.put(subscription(EachFail(), "disabled", enabled=False))
    bench.put(subscription(NoPhotos(minutes=1440), "changed", scope="nowhere"))
    with redis.Redis.from_url("redis://localhost") as client:
        client.connection_pool = bench.desk._redis.connection_pool
        client.hset(scripts.SUBSCRIPTIONS, "newer", '9 {"id": "newer", "mood": "grumpy"}')
    assert sorted(bench.look(5)) == ["changed resolved", "disabled resolved", "removed resolved"]
    notes = {held.record.subscription: held.record.note for held in bench.book.closed_alerts()}
    assert notes == {
        "removed": "its subscription was removed",
        "disabled": "its subscription was disabled",
        "changed": "its subscription asks for something else now",
    }
    assert bench.watch.reload().unreadable == {"newer"}


def test_an_alert_of_a_subscription_that_we_do_not_know_yet(bench: Bench) -> None:
    """Another worker was quicker: it is looked up before anything is ended."""
    bench.watch.reload()
    mine = subscription(EachFail())
    position = bench.desk.position
    bench.put(mine)
    bench.firing.fire(
        bench.watch.snapshot or bench.watch.reload(), mine,
        [Trigger(id="1", group=Group(plant="munich"), summary="x", time=at(0))],
    )  # fmt: skip
    bench.desk.position = lambda: "0-0"  # type: ignore[method-assign]  # as if nothing had changed
    bench.watch._position = "0-0"
    assert bench.look(1) == []
    bench.desk.position = position  # type: ignore[method-assign]


def test_a_place_falls_silent(bench: Bench) -> None:
    """From the beginning of the shift; again only after something came; given up after a week."""
    shift = ActiveHours(begin=at(1000).time(), end=at(40_000).time())
    bench.put(subscription(NoPhotos(minutes=5), "photos", repeat_s=0, hours=shift))
    bench.places.saw([(HERE, LastSeen(at(0), at(0))), (THERE, LastSeen(at(1500), at(1500)))])
    assert bench.look(900) == []
    assert bench.look(1299) == []
    assert bench.look(1300) == ["photos fired"]
    assert bench.look(1301) == []
    assert bench.look(1799, Moments(at(1300), at(1799))) == []
    assert bench.look(1800) == ["photos fired"]
    bench.places.saw([(HERE, LastSeen(at(1801), None))])
    assert bench.look(1802) == ["photos resolved"]
    (open_one,) = bench.book.open_alerts()
    assert open_one.record.group.line == "line-2"
    bench.book.take(open_one.record.id, life.resolve("kim"), None, by="kim")
    assert bench.look(1810) == []
    assert bench.look(2101) == ["photos fired"]
    assert bench.look(8 * 86_400) == ["photos resolved"]
    assert bench.places.all() == {}


def test_no_photos_mutes_no_verdicts(bench: Bench) -> None:
    """When it fires, and when it is over first."""
    bench.put(subscription(NoPhotos(minutes=5), "photos", repeat_s=0))
    bench.put(subscription(NoVerdicts(minutes=10), "verdicts", repeat_s=0))
    bench.places.saw([(HERE, LastSeen(at(0), at(0)))])
    assert bench.look(0) == []
    assert bench.look(300) == ["photos fired"]
    assert bench.look(600) == ["verdicts fired"]
    muted = {held.record.subscription: held.record.muted for held in bench.book.open_alerts()}
    assert muted == {"photos": None, "verdicts": "inhibition"}
    bench.places.saw([(HERE, LastSeen(at(601), None))])  # it became a dead letter
    assert bench.look(602) == ["photos resolved"]
    assert bench.look(603) == ["verdicts unmuted"]


def test_no_photos_goes_first(bench: Bench) -> None:
    """Also where both are due at the same look."""
    bench.put(subscription(NoVerdicts(minutes=5), "a"))
    bench.put(subscription(NoPhotos(minutes=5), "b"))
    bench.places.saw([(HERE, LastSeen(at(0), at(0)))])
    bench.look(0)
    assert bench.look(300) == ["b fired", "a fired"]
    assert [held.record.muted for held in bench.book.open_alerts() if held.record.subscription == "a"] == ["inhibition"]


def test_a_fault_is_over_when_it_is_cleared_or_no_longer_told(bench: Bench) -> None:
    """Of two, when both are."""
    mine = bench.put(subscription(FaultRaised(), repeat_s=0, group_by=("plant",)))
    for name in ("1", "2"):
        bench.standing.put(fault(name))
    bench.firing.fire(
        bench.watch.reload(), mine, [Trigger(id="f", group=Group(plant="munich"), summary="x", time=at(0))]
    )
    assert bench.look(100) == []
    bench.standing.remove(["crop/1"])
    assert bench.look(299) == []
    assert bench.look(300) == ["mine resolved"]
    assert bench.standing.all() == []


def letter(number: int, seconds: float, *, plant: str = "munich", topic: str = "linegate.images") -> Letter:
    """A dead letter."""

    def place(name: str) -> Origin:
        return Origin(name, 0, number, int(at(seconds).timestamp() * 1000))

    said = (("ce_plant", plant.encode()), ("ce_line", b"line-1"), ("ce_part", b"P1"))
    return Letter(place(f"{topic}.dlq"), "no JPEG", place(topic), place(topic), 1, "crop", said)


def test_dead_letters_count_by_where_they_lie(bench: Bench) -> None:
    """Read again as often as one likes; of unknown places hears who hears of all."""
    bench.put(subscription(DeadLetters(letters=2, minutes=5), "munich"))
    bench.put(subscription(DeadLetters(letters=3, minutes=5), "all", scope="*"))
    count = LetterCount(bench.series, bench.places, bench.firing, clock=lambda: bench.now)
    bench.now = at(100)
    snapshot = bench.watch.reload()
    for _ in range(2):
        for one in (
            letter(1, 10),
            letter(2, 20),
            letter(1, 30, topic="linegate.crops"),
            letter(7, 30, plant="NOT A PLANT"),
        ):
            count.take(snapshot, one)
    counts = {str(held.record.key): held.record.count for held in bench.book.open_alerts()}
    assert counts == {"munich|munich/line-1": 2, "all|munich/line-1": 1}
    assert bench.places.all() == {HERE: LastSeen(at(30), None)}


def test_old_alerts_are_forgotten(bench: Bench) -> None:
    """After a day here; looked at every hour."""
    bench.fail(bench.put(subscription(EachFail(), repeat_s=0, resolve_after_s=60)))
    assert bench.look(60) == ["mine resolved"]
    bench.look(60 + 86_399)
    assert len(bench.book.closed_alerts()) == 1
    bench.look(60 + 86_399 + 3600)
    assert bench.book.closed_alerts() == []
