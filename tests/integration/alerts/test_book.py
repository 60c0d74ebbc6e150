"""Alerts on a real Redis."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from shared.alerts import life, scripts
from shared.alerts.book import AlertBook
from shared.alerts.channels import Mqtt, Webhook
from shared.alerts.conditions import EachFail
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.errors import AlertClosed, AlertMoved, AlreadyAcknowledged, UnknownAlert
from shared.alerts.records import Group, Message, Trigger
from shared.alerts.subscription import Escalation, Subscription
from shared.events import Evidence
from shared.registry.errors import RegistryUnavailable, RevisionConflict
from shared.registry.place_key import PlaceKey
from shared.settings.sections import RedisSettings

pytestmark = pytest.mark.redis
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOOK = Webhook(name="hook", url="https://hooks.example/x")
LAMP = Mqtt(name="lamp", topic="andon/line-1")
BOSS = Webhook(name="boss", url="https://boss.example/x")
SUBSCRIPTION = Subscription(
    id="fails",
    scope=PlaceKey.parse("munich"),
    condition=EachFail(),
    channels=(HOOK, LAMP),
    escalation=Escalation(channels=(BOSS,)),
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        """The time that was set."""
        return self.at

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The book's."""
    return Clock()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any alert."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as found:
        for key in found.scan_iter(scripts.PREFIX + "*"):
            found.delete(key)
        yield found


@pytest.fixture
def book(redis_url: str, client: redis.Redis, clock: Clock) -> Iterator[AlertBook]:  # noqa: ARG001 - emptied first
    """An empty book."""
    with AlertBook(RedisSettings.model_validate({"url": redis_url}), clock=clock) as made:
        yield made


@pytest.fixture
def desk(redis_url: str, client: redis.Redis) -> Iterator[SubscriptionDesk]:  # noqa: ARG001 - emptied first
    """An empty desk."""
    with SubscriptionDesk(RedisSettings.model_validate({"url": redis_url})) as made:
        yield made


def failed(image: str, line: str = "line-1") -> Trigger:
    """A failed part."""
    seen = Evidence(image=image, part="p-" + image, plant="munich", captured=START, score=3.0, threshold=2.0)
    group = Group(plant="munich", line=line, station="end")
    return Trigger(id=image, group=group, summary=f"part p-{image} failed", time=START, evidence=(seen,))


def outbox(client: redis.Redis, channel: str) -> list[Message]:
    """What waits for a channel."""
    ids = client.lrange(f"{scripts.LANE}fails/{channel}", 0, -1)
    return [Message.model_validate_json(client.hget(scripts.MESSAGES, one)) for one in ids]


def steps(book: AlertBook) -> list[str]:
    """Every step so far."""
    return [change.step for _, change in book.log()]


def test_parts_of_one_group_make_one_alert_and_one_message(book: AlertBook, client: redis.Redis) -> None:
    """One message and not fifty: the alert counts."""
    for number in range(50):
        book.trigger(SUBSCRIPTION, failed(f"i{number}"))
    (held,) = book.open_alerts()
    assert held.record.count == 50
    assert [one.image for one in held.record.evidence] == ["i49", "i48", "i47", "i46", "i45"]
    assert steps(book) == ["fired"]
    assert len(outbox(client, "hook")) == len(outbox(client, "lamp")) == 1


def test_groups_have_alerts_of_their_own(book: AlertBook) -> None:
    """Another line, another alert."""
    book.trigger(SUBSCRIPTION, failed("a", "line-1"))
    book.trigger(SUBSCRIPTION, failed("b", "line-2"))
    assert {held.record.key for held in book.open_alerts()} == {"fails|munich/line-1/end", "fails|munich/line-2/end"}


def test_the_same_trigger_counts_once_even_after_the_end(book: AlertBook) -> None:
    """Redelivery after a crash changes nothing: not while it is open, and not when it was resolved meanwhile."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    assert book.trigger(SUBSCRIPTION, failed("a")) is None
    book.take(held.record.id, life.resolve("kim"), SUBSCRIPTION, by="kim")
    assert book.trigger(SUBSCRIPTION, failed("a")) is None
    assert book.open_alerts() == []
    again = book.trigger(SUBSCRIPTION, failed("b"))
    assert again is not None
    assert again.record.id != held.record.id
    assert steps(book) == ["fired", "resolved", "fired"]


def test_of_two_who_acknowledge_at_once_one_is_told_of_the_other(book: AlertBook) -> None:
    """Exactly one of many wins, and the others learn who."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    people = [f"person-{number}" for number in range(8)]
    together = threading.Barrier(len(people))
    won: list[str] = []
    lost: list[str] = []

    def acknowledge(who: str) -> None:
        together.wait()
        try:
            book.take(held.record.id, life.acknowledge(who), SUBSCRIPTION, by=who)
            won.append(who)
        except AlreadyAcknowledged as error:
            lost.append(error.by)

    threads = [threading.Thread(target=acknowledge, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == won * 7
    assert steps(book) == ["fired", "acknowledged"]


def test_many_workers_that_meet_one_condition_fire_one_alert(book: AlertBook, client: redis.Redis) -> None:
    """Every trigger counts exactly once, whoever saw it."""
    together = threading.Barrier(6)

    def work() -> None:
        together.wait()
        for number in range(10):
            book.trigger(SUBSCRIPTION, failed(f"i{number}"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (held,) = book.open_alerts()
    assert held.record.count == 10
    assert steps(book) == ["fired"]
    assert len(outbox(client, "hook")) == 1


def test_lamps_hear_of_the_end_and_others_where_they_asked(book: AlertBook, client: redis.Redis) -> None:
    """A light that was switched on is switched off."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    book.take(held.record.id, life.acknowledge("kim", "on my way"), SUBSCRIPTION, by="kim", note="on my way")
    book.take(held.record.id, life.resolve("kim"), SUBSCRIPTION, by="kim")
    assert [message.change.step for message in outbox(client, "hook")] == ["fired"]
    assert [message.change.step for message in outbox(client, "lamp")] == ["fired", "acknowledged", "resolved"]
    assert outbox(client, "boss") == []


def test_a_resolved_alert_takes_no_more_steps(book: AlertBook) -> None:
    """And says who resolved it."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    book.take(held.record.id, life.resolve("kim"), SUBSCRIPTION, by="kim")
    with pytest.raises(AlertClosed, match="resolved by kim"):
        book.take(held.record.id, life.acknowledge("sam"), SUBSCRIPTION, by="sam")


def test_a_muted_alert_tells_nobody_until_it_is_unmuted(book: AlertBook, client: redis.Redis) -> None:
    """Maintenance ends, the damage is still there: now it is told."""
    held = book.trigger(SUBSCRIPTION, failed("a"), muted="silence")
    assert held is not None
    assert outbox(client, "hook") == []
    book.take(held.record.id, life.unmute, SUBSCRIPTION)
    assert [message.change.step for message in outbox(client, "hook")] == ["unmuted"]


def test_escalation_tells_others(book: AlertBook, client: redis.Redis) -> None:
    """Only the escalation's channels."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    book.take(held.record.id, life.escalate, SUBSCRIPTION)
    assert [message.change.step for message in outbox(client, "boss")] == ["escalated"]
    assert len(outbox(client, "hook")) == 1


def test_a_step_on_what_was_seen_is_refused_when_it_moved(book: AlertBook) -> None:
    """For whoever decided by an older look."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    book.trigger(SUBSCRIPTION, failed("b"))
    with pytest.raises(AlertMoved):
        book.take(held.record.id, life.repeat, SUBSCRIPTION, expected=held.revision)


def test_closed_alerts_are_forgotten_in_time(book: AlertBook, clock: Clock) -> None:
    """Redis does not grow for ever."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    assert held is not None
    book.take(held.record.id, life.resolve(), SUBSCRIPTION)
    assert book.forget_closed(clock.at - timedelta(days=1)) == 0
    assert [one.record.id for one in book.closed_alerts()] == [held.record.id]
    assert book.forget_closed(clock.at + timedelta(seconds=1)) == 1
    with pytest.raises(UnknownAlert):
        book.alert(held.record.id)


def test_subscriptions_change_by_compare_and_swap(desk: SubscriptionDesk) -> None:
    """Nobody overwrites what they did not see; the secrets go with their subscription."""
    before = desk.position()
    revision = desk.put_subscription(SUBSCRIPTION, expected=None, author="kim")
    assert desk.position() != before
    with pytest.raises(RevisionConflict):
        desk.put_subscription(SUBSCRIPTION, expected=None, author="sam")
    secret = desk.new_secret("fails", "hook")
    assert secret.startswith("whsec_")
    assert desk.secret("fails", "hook") == secret
    assert desk.subscriptions()["fails"].record.owner == "kim"
    desk.remove_subscription("fails", expected=revision, author="kim")
    assert desk.subscriptions() == {}
    assert desk.secret("fails", "hook") is None


def test_what_a_newer_version_wrote_is_passed_over(desk: SubscriptionDesk, client: redis.Redis) -> None:
    """One bad entry takes no other away; that it is there is known."""
    desk.put_subscription(SUBSCRIPTION, expected=None, author="kim")
    for name, text in {"newer": '7 {"id": "newer", "mood": "grumpy"}', "torn": "no revision"}.items():
        client.hset(scripts.SUBSCRIPTIONS, name, text)
        client.hset(scripts.SILENCES, name, text)
    assert set(desk.subscriptions()) == {"fails"}
    assert desk.subscription_names() == {"fails", "newer", "torn"}
    assert desk.silences() == {}


def test_an_alert_that_is_not_understood_hides_no_other(book: AlertBook, client: redis.Redis) -> None:
    """A newer version wrote it; asked for by itself it is refused."""
    held = book.trigger(SUBSCRIPTION, failed("a"))
    strange = book.trigger(SUBSCRIPTION, failed("b", "line-2"))
    assert held is not None
    assert strange is not None
    client.hset(scripts.HELD, strange.record.id, f'{strange.revision} {{"from": "the future"}}')
    assert [one.record.id for one in book.open_alerts()] == [held.record.id]
    with pytest.raises(RegistryUnavailable, match="not understood"):
        book.alert(strange.record.id)
