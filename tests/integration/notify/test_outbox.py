"""The outboxes on a real Redis: who may deliver what, and what is remembered of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from shared.alerts import outbox_scripts, scripts
from shared.alerts.book import AlertBook
from shared.alerts.delivery import Claimed, Delivery, DeliveryOutcome
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.errors import UnknownMessage
from shared.alerts.outbox import Outbox
from shared.alerts.subscription import Subscription
from shared.settings import Settings
from tests.integration.notify.conftest import hook, put, subscribe

pytestmark = pytest.mark.redis
LANE = "fails/hook"


class Clock:
    """The present, put forward by hand."""

    def __init__(self) -> None:
        # Messages are made by the true clock.
        self.at = datetime.now(UTC) + timedelta(seconds=5)

    def __call__(self) -> datetime:
        """The time that was set."""
        return self.at

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The outbox's."""
    return Clock()


@pytest.fixture
def timed(settings: Settings, clock: Clock) -> Iterator[Outbox]:
    """The outboxes, by a clock of the test."""
    with Outbox(settings.redis, clock=clock) as made:
        yield made


@pytest.fixture
def subscription(desk: SubscriptionDesk) -> Subscription:
    """With two channels."""
    return subscribe(desk, hook("https://one.example", "hook"), hook("https://two.example", "other"))


def delivery(claimed: Claimed, outcome: DeliveryOutcome = "delivered", status: str = "HTTP 200 OK") -> Delivery:
    """A line of the log."""
    assert claimed.message is not None
    return Delivery(
        message=claimed.id,
        subscription="fails",
        channel=claimed.channel,
        step="fired",
        alert=claimed.message.change.alert,
        attempt=claimed.attempt,
        outcome=outcome,
        status=status,
        seconds=0.1,
        time=datetime.now(UTC),
    )


def claim(outbox: Outbox, lane: str = LANE, **more: bool) -> Claimed:
    """The head of a lane that can be claimed."""
    claimed = outbox.claim(lane, lease_s=10, **more)
    assert claimed is not None
    return claimed


def left(client: redis.Redis) -> set[str]:
    """The keys that outboxes left."""
    ours = (
        scripts.MESSAGES,
        scripts.LANES,
        scripts.LANE,
        outbox_scripts.LEASES,
        outbox_scripts.ATTEMPTS,
        outbox_scripts.PROGRESS,
        outbox_scripts.DELIVERIES,
        outbox_scripts.LOGGED,
        outbox_scripts.DISABLED,
        outbox_scripts.FAILED,
    )
    return {key for key in client.scan_iter(scripts.PREFIX + "*") if key.startswith(ours)}


def test_a_lane_is_one_workers_and_keeps_its_order(book: AlertBook, timed: Outbox, subscription: Subscription) -> None:
    """Nobody else gets it meanwhile, other lanes are free, and the next message follows the one that is done."""
    first, second = put(book, subscription, "hook"), put(book, subscription, "hook")
    put(book, subscription, "other")
    assert timed.due(10) == ["fails/hook", "fails/other"]
    mine = claim(timed)
    assert (mine.message, mine.attempt, mine.since) == (
        first,
        1,
        first.created.replace(microsecond=mine.since.microsecond),
    )
    assert timed.claim(LANE, lease_s=10) is None
    assert timed.due(10) == ["fails/other"]
    claim(timed, "fails/other")
    assert timed.done(mine, delivery(mine))
    assert claim(timed).message == second


def test_the_lane_of_a_killed_worker_comes_back_and_it_can_settle_nothing(
    book: AlertBook, timed: Outbox, subscription: Subscription, clock: Clock
) -> None:
    """After its lease another worker has the message, as the second attempt; the first one's word comes too late."""
    put(book, subscription, "hook")
    killed = claim(timed)
    clock.later(9)
    timed.renew([killed], lease_s=10)
    clock.later(9)
    assert timed.claim(LANE, lease_s=10) is None
    clock.later(2)
    mine = claim(timed)
    assert (mine.id, mine.attempt) == (killed.id, 2)
    timed.renew([killed], lease_s=1000)
    assert not timed.done(killed, delivery(killed))
    assert not timed.later(killed, clock.at, delivery(killed))
    assert not timed.give_up(killed, delivery(killed))
    assert timed.recent("fails") == []
    clock.later(11)
    assert claim(timed).attempt == 3


def test_a_head_that_fails_holds_its_own_lane_only(
    book: AlertBook, timed: Outbox, subscription: Subscription, clock: Clock
) -> None:
    """One attempt per back-off, in order, and what the attempt left is there at the next."""
    first = put(book, subscription, "hook")
    put(book, subscription, "hook")
    mine = claim(timed)
    assert timed.later(mine, clock.at + timedelta(seconds=60), delivery(mine, "retry"), progress="half")
    put(book, subscription, "hook")
    put(book, subscription, "other")
    assert timed.due(10) == ["fails/other"]
    assert timed.claim(LANE, lease_s=10) is None
    clock.later(60)
    assert timed.claim(LANE, lease_s=10, repeats=False) is None
    again = claim(timed)
    assert (again.message, again.attempt, again.progress) == (first, 2, "half")
    assert timed.later(again, clock.at, counted=False)
    assert claim(timed).attempt == 2
    assert [one.outcome for one in timed.recent("fails")] == ["retry"]


def test_what_was_given_up_can_be_put_back(
    book: AlertBook, timed: Outbox, subscription: Subscription, client: redis.Redis, clock: Clock
) -> None:
    """Under its id, as a first attempt with all its time; once delivered it is gone."""
    message = put(book, subscription, "hook")
    mine = claim(timed)
    assert timed.give_up(mine, delivery(mine, "failed"))
    assert timed.claim(LANE, lease_s=10) is None
    (line,) = timed.recent("fails")
    assert line.kept
    clock.later(1000)
    assert timed.redrive(message.id) == message
    (line,) = timed.recent("fails")
    assert not line.kept
    again = claim(timed)
    assert (again.message, again.attempt) == (message, 1)
    assert again.since == clock.at.replace(microsecond=clock.at.microsecond // 1000 * 1000)
    assert timed.done(again, delivery(again))
    assert [one.outcome for one in timed.recent("fails")] == ["delivered", "failed"]
    with pytest.raises(UnknownMessage):
        timed.redrive(message.id)
    assert left(client) == {outbox_scripts.DELIVERIES + "fails", outbox_scripts.LOGGED}


def test_a_message_that_waits_can_be_hurried(
    book: AlertBook, timed: Outbox, subscription: Subscription, clock: Clock
) -> None:
    """Without its back-off, but never beside an attempt that is being made."""
    message = put(book, subscription, "hook")
    mine = claim(timed)
    timed.redrive(message.id)
    assert timed.claim(LANE, lease_s=10) is None
    timed.later(mine, clock.at + timedelta(hours=6), delivery(mine, "retry"))
    timed.redrive(message.id)
    assert claim(timed).message == message


def test_only_the_latest_failures_are_kept(
    *,
    book: AlertBook,
    timed: Outbox,
    subscription: Subscription,
    monkeypatch: pytest.MonkeyPatch,
    client: redis.Redis,
    clock: Clock,
) -> None:
    """Room is made by the oldest."""
    monkeypatch.setattr(outbox_scripts, "FAILED_KEPT", 2)
    messages = [put(book, subscription, "hook") for _ in range(4)]
    for _ in messages:
        clock.later(1)
        mine = claim(timed)
        timed.give_up(mine, delivery(mine, "failed"))
    assert set(client.hkeys(outbox_scripts.FAILED)) == {message.id for message in messages[2:]}
    assert client.zcard(outbox_scripts.FAILED_TIMES) == 2


def test_a_message_that_is_not_understood_is_claimed_as_such(timed: Outbox, client: redis.Redis) -> None:
    """A newer version's; and an id without a message is passed over."""
    client.hset(scripts.MESSAGES, "m1", '{"from": "the future"}')
    client.rpush(scripts.LANE + LANE, "nothing", "m1")
    client.zadd(scripts.LANES, {LANE: 1})
    mine = claim(timed)
    assert (mine.id, mine.message) == ("m1", None)
    assert timed.give_up(mine, None)
    assert timed.recent("fails") == []


def test_what_waits_and_what_is_disabled_is_told(book: AlertBook, timed: Outbox, subscription: Subscription) -> None:
    """For the console."""
    put(book, subscription, "hook")
    put(book, subscription, "hook")
    put(book, subscription, "other")
    told = {(lane.subscription, lane.channel): lane.messages for lane in timed.waiting()}
    assert told == {("fails", "hook"): 2, ("fails", "other"): 1}
    timed.disable("fails", "hook", reason="HTTP 410 Gone", target="https://one.example")
    assert timed.disabled("other") == {}
    assert timed.disabled("fails")["hook"].reason == "HTTP 410 Gone"
    assert timed.enable("fails", "hook")
    assert not timed.enable("fails", "hook")
    assert timed.why_disabled("fails", "hook") is None


def test_a_removed_subscription_leaves_nothing(
    book: AlertBook, timed: Outbox, subscription: Subscription, desk: SubscriptionDesk, client: redis.Redis
) -> None:
    """Another one, whose name begins alike, keeps all of its own."""
    other = subscribe(desk, hook("https://one.example"), name="fails-2")
    for one in (subscription, other):
        put(book, one, "hook")
        put(book, one, "hook")
        put(book, one, "hook")
        mine = claim(timed, f"{one.id}/hook")
        timed.give_up(mine, delivery(mine, "failed").model_copy(update={"subscription": one.id}))
        mine = claim(timed, f"{one.id}/hook")
        timed.later(mine, mine.since, delivery(mine, "retry").model_copy(update={"subscription": one.id}), progress="p")
        timed.disable(one.id, "hook", reason="gone")
    held = left(client)
    assert timed.forget("fails") == 2
    assert timed.logged() == {"fails-2"}
    assert left(client) == held - {scripts.LANE + LANE, outbox_scripts.DELIVERIES + "fails"}
    assert client.hlen(scripts.MESSAGES) == 2
    assert client.hlen(outbox_scripts.FAILED) == client.zcard(outbox_scripts.FAILED_TIMES) == 1
    timed.forget("fails-2")
    assert left(client) == set()
