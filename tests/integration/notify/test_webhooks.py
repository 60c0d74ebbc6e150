"""Webhooks from the outbox to real receivers, well and unwell."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import redis
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from deploy.local.process import ServerProcess
from deploy.local.workers import command
from shared.alerts import outbox_scripts, scripts
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Group, Message, Trigger
from shared.events import Evidence
from shared.settings import Settings
from tests.integration.notify.conftest import PATIENCE, Receiver, delivering, hook, put, subscribe, until, with_settings

pytestmark = pytest.mark.redis


def outcomes(outbox: Outbox, subscription: str = "fails") -> list[str]:
    """Of each attempt, the first one first."""
    return [one.outcome for one in reversed(outbox.recent(subscription))]


def test_an_alert_is_told_once_and_signed(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """By Standard Webhooks: whoever has the secret can check it, and nobody else's signature passes."""
    with Receiver() as receiver, delivering(settings):
        subscription = subscribe(desk, hook(receiver.url))
        seen = Evidence(image="i1", part="p-1", plant="munich", captured=datetime.now(UTC), score=3.0, threshold=2.0)
        group = Group(plant="munich", line="line-1", station="end")
        trigger = Trigger(id="i1", group=group, summary="part p-1 failed", time=datetime.now(UTC), evidence=(seen,))
        held = book.trigger(subscription, trigger)
        assert held is not None
        until(lambda: outcomes(outbox) == ["delivered"])
        time.sleep(0.5)  # another one would have come by now
    (posted,) = receiver.got
    secret = desk.secret("fails", "hook")
    assert secret is not None
    told = Verifier(secret).verify(posted.body, posted.headers)
    assert told["type"] == "io.linegate.alert.v1"
    ((_, change),) = book.log()
    assert told["data"] == {
        **change.model_dump(mode="json"),
        "title": "Line 1",
        "test": False,
        "console": f"https://console.example/alerts/{held.record.id}",
    }
    with pytest.raises(WebhookVerificationError):
        Verifier(desk.new_secret("fails", "hook")).verify(posted.body, posted.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(posted.body.replace(b"p-1", b"p-2"), posted.headers)


def test_every_message_comes_once_and_in_order(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """Two workers at the same outboxes; a receiver that is slower than a lease at first, and fails now and then."""

    def answer(number: int) -> tuple[int, dict[str, str]]:
        if number == 1:
            time.sleep(2.5)
        return 500 if number % 4 == 2 else 200, {}

    with Receiver(answer) as receiver:
        subscription = subscribe(desk, hook(receiver.url))
        messages = [put(book, subscription, "hook") for _ in range(12)]
        brief = with_settings(settings, lease_s=1)
        with delivering(brief), delivering(brief):
            until(lambda: outcomes(outbox).count("delivered") == len(messages))
    taken = [one for number, one in enumerate(receiver.ids, start=1) if number % 4 != 2]
    assert taken == [message.id for message in messages]
    assert len(receiver.ids) == len(messages) + outcomes(outbox).count("retry")


def test_a_failure_is_tried_again_under_the_same_id(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """500, a redirect that is not followed, a receiver that hangs: then 200. The body stays the same."""
    release = threading.Event()

    def answer(number: int) -> tuple[int, dict[str, str]]:
        if number == 3:
            release.wait(30)
        return {1: (500, {}), 2: (302, {"Location": elsewhere.url})}.get(number, (200, {}))

    with Receiver() as elsewhere, Receiver(answer) as receiver:
        subscription = subscribe(desk, hook(receiver.url))
        message = put(book, subscription, "hook")
        with delivering(with_settings(settings, timeout_s=1)):
            until(lambda: "delivered" in outcomes(outbox))
        release.set()
    assert receiver.ids == [message.id] * 4
    assert len({posted.body for posted in receiver.got}) == 1
    assert elsewhere.got == []
    lines = [one.status for one in reversed(outbox.recent("fails"))]
    assert lines[0] == "HTTP 500 Internal Server Error"
    assert "redirects are not followed" in lines[1]
    assert "cannot be reached" in lines[2]
    assert [one.attempt for one in reversed(outbox.recent("fails"))] == [1, 2, 3, 4]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_receiver_that_asks_for_time_gets_it(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox, form: str
) -> None:
    """`Retry-After` in both of its forms, far beyond our own back-off."""
    asked = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True) if form == "date" else "3600"
    with Receiver(lambda _: (503, {"Retry-After": asked})) as receiver:
        subscription = subscribe(desk, hook(receiver.url))
        put(book, subscription, "hook")
        begun = datetime.now(UTC)
        with delivering(with_settings(settings, longest_retry_s=3600)):
            until(lambda: outcomes(outbox) == ["retry"])
            time.sleep(0.5)
    assert len(receiver.got) == 1
    (line,) = outbox.recent("fails")
    assert line.next_attempt is not None
    assert timedelta(minutes=58) < line.next_attempt - begun < timedelta(minutes=62)


def test_a_receiver_that_is_gone_gets_nothing_more(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """410 disables the channel; enabled again, or at another address, it gets what was put back."""
    with Receiver(lambda number: (410 if number == 1 else 200, {})) as receiver, delivering(settings):
        subscription = subscribe(desk, hook(receiver.url))
        first, second = put(book, subscription, "hook"), put(book, subscription, "hook")
        until(lambda: outcomes(outbox) == ["disabled", "disabled"])
        assert receiver.ids == [first.id]
        assert "410" in outbox.disabled("fails")["hook"].reason
        outbox.enable("fails", "hook")
        outbox.redrive(first.id)
        until(lambda: outcomes(outbox)[-1] == "delivered")
        assert receiver.ids == [first.id, first.id]
        outbox.disable("fails", "hook", reason="HTTP 410 Gone", target=receiver.url)
        subscribe(desk, hook(receiver.url + "/new"))
        outbox.redrive(second.id)
        until(lambda: outcomes(outbox)[-2:] == ["delivered", "delivered"])
        assert outbox.disabled("fails") == {}


def test_a_private_address_is_refused_and_says_so(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """Nothing is sent, the log names the setting, and it is tried again slowly."""
    strict = Settings.model_validate({"redis": settings.redis.model_dump()})
    with Receiver() as receiver, delivering(strict):
        put(book, subscribe(desk, hook(receiver.url)), "hook")
        until(lambda: outcomes(outbox) == ["retry"])
    assert receiver.got == []
    (line,) = outbox.recent("fails")
    assert "network.allow_private" in line.status
    assert line.next_attempt is not None
    assert line.next_attempt - line.time >= timedelta(minutes=30)


def test_a_message_nobody_takes_is_given_up_and_put_back_by_hand(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """When its time is over; then redriven under the same id."""
    well = threading.Event()
    with (
        Receiver(lambda _: (200 if well.is_set() else 500, {})) as receiver,
        delivering(with_settings(settings, give_up_after_s=0.5)),
    ):
        message = put(book, subscribe(desk, hook(receiver.url)), "hook")
        until(lambda: "failed" in outcomes(outbox))
        assert outbox.recent("fails")[0].status == "given up: HTTP 500 Internal Server Error"
        well.set()
        outbox.redrive(message.id)
        until(lambda: outcomes(outbox)[-1] == "delivered")
    assert set(receiver.ids) == {message.id}


def test_receivers_that_hang_delay_nobody(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """Fifty at once, none of which ends before the good one is served."""
    release = threading.Event()
    hung = [f"hung-{number}" for number in range(50)]
    with Receiver(lambda _: (200 if release.wait(PATIENCE) else 500, {})) as dead, Receiver() as well:
        for name in hung:
            put(book, subscribe(desk, hook(dead.url), name=name), "hook")
        with delivering(with_settings(settings, timeout_s=10 * PATIENCE)):
            until(lambda: len(dead.got) == len(hung))
            put(book, subscribe(desk, hook(well.url), name="good"), "hook")
            until(lambda: outcomes(outbox, "good") == ["delivered"])
            assert not any(outcomes(outbox, name) for name in hung)
            release.set()
            until(lambda: all(outcomes(outbox, name) == ["delivered"] for name in hung))


def test_more_dead_receivers_than_threads_delay_nobody(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """Once they are known to fail, half of the threads are kept for others, however many hang again."""
    release = threading.Event()
    hung = [f"hung-{number}" for number in range(12)]

    def answer(number: int) -> tuple[int, dict[str, str]]:
        return (500 if number <= len(hung) else 200 if release.wait(PATIENCE) else 500), {}

    with Receiver(answer) as dead, Receiver() as well:
        for name in hung:
            put(book, subscribe(desk, hook(dead.url), name=name), "hook")
        # A lease that outlasts the test: on a loaded machine a late renewal would make one more attempt.
        few = with_settings(settings, threads=8, timeout_s=10 * PATIENCE, longest_retry_s=0.05, lease_s=10 * PATIENCE)
        with delivering(few):
            until(lambda: len(dead.got) == len(hung) + few.notify.threads // 2)
            put(book, subscribe(desk, hook(well.url), name="good"), "hook")
            until(lambda: outcomes(outbox, "good") == ["delivered"])
            assert len(dead.got) == len(hung) + few.notify.threads // 2
            release.set()
            until(lambda: all(outcomes(outbox, name)[-1:] == ["delivered"] for name in hung))


def test_messages_of_what_was_removed_are_dropped(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox, client: redis.Redis
) -> None:
    """Of a channel: its lane. Of a subscription: everything, also where nothing waits any more."""
    with Receiver() as receiver:
        both = subscribe(desk, hook(receiver.url, "old"), hook(receiver.url, "kept"))
        put(book, both, "old")
        put(book, both, "kept")
        subscribe(desk, hook(receiver.url, "kept"))
        gone = subscribe(desk, hook(receiver.url), name="gone")
        put(book, gone, "hook")
        desk.remove_subscription("gone", expected=desk.subscriptions()["gone"].revision, author="kim")
        client.sadd(outbox_scripts.LOGGED, "long-gone")
        with delivering(settings):
            until(lambda: not client.exists(scripts.LANES))
            until(lambda: outbox.logged() == {"fails"})
    assert len(receiver.got) == 1
    assert not client.exists(scripts.MESSAGES, outbox_scripts.ATTEMPTS, outbox_scripts.LEASES)


def test_a_worker_that_is_killed_between_sending_and_noting_it_sends_again_under_the_same_id(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox, *, redis_url: str, tmp_path: Path
) -> None:
    """At least once, and the receiver can tell."""
    killed = threading.Event()

    def answer(_: int) -> tuple[int, dict[str, str]]:
        if not killed.is_set():
            os.kill(process.pid, signal.SIGKILL)
            killed.set()
        return 200, {}

    with Receiver(answer) as receiver:
        environment = {
            "REDIS_URL": redis_url,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "LINEGATE_NETWORK__ALLOW_PRIVATE": "127.0.0.0/8",
            "LINEGATE_NOTIFY__LEASE_S": "2",
        }
        process = ServerProcess(
            "linegate notify", command("serve", "notify"), log=tmp_path / "log", settings=environment
        )
        try:
            message = put(book, subscribe(desk, hook(receiver.url)), "hook")
            until(killed.is_set, process.tail())
            with delivering(settings):
                until(lambda: outcomes(outbox) == ["delivered"])
        finally:
            process.stop()
    assert receiver.ids == [message.id, message.id]
    assert outbox.recent("fails")[0].attempt == 2


def test_a_test_says_that_it_is_one(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """In the body and in the log."""
    with Receiver() as receiver, delivering(settings):
        message: Message = put(book, subscribe(desk, hook(receiver.url)), "hook")
        until(lambda: outcomes(outbox) == ["delivered"])
    assert b'"test":true' in receiver.got[0].body
    assert b"a test by kim" in receiver.got[0].body
    assert outbox.recent("fails")[0].test
    assert message.id == receiver.ids[0]
