"""The whole job of the notify worker at Redis."""

from collections.abc import Callable
from datetime import timedelta

from services.notify.sweep import sweep
from shared.alerts import sample
from shared.alerts.book import AlertBook
from shared.alerts.channels import Webhook
from shared.alerts.conditions import EachFail
from shared.alerts.delivery import Claimed, Delivery
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.subscription import Subscription
from shared.events import now
from shared.registry.place_key import PlaceKey
from shared.settings import RedisSettings

SUBSCRIPTIONS = 60
"""Each time the job is tried it takes the messages of one."""
CHANNELS = ("done", "later", "failed", "dropped")


def fill_outboxes(admin: RedisSettings) -> None:
    """Put two messages into each outbox of many subscriptions."""
    with AlertBook(admin) as book, SubscriptionDesk(admin) as desk:
        channels = tuple(Webhook(name=name, url="https://hooks.example/x") for name in CHANNELS)
        for number in range(SUBSCRIPTIONS):
            name, scope = f"s{number}", PlaceKey.parse("munich")
            record = Subscription(id=name, scope=scope, condition=EachFail(), channels=channels)
            desk.put_subscription(record, expected=None, author="test")
            for channel in CHANNELS * 2:
                assert book.put_message(sample.sample_message(record, channel, "test"))


def notify_job(settings: RedisSettings) -> None:
    """Deliver, put off, give up, drop and forget, with the desk's help."""
    with Outbox(settings) as outbox, SubscriptionDesk(settings) as desk:
        name = next(lane.split("/")[0] for lane in outbox.due(10 * SUBSCRIPTIONS) if lane.endswith("/done"))

        def claim(channel: str) -> Claimed:
            claimed = outbox.claim(f"{name}/{channel}", lease_s=600)
            assert claimed is not None
            return claimed

        def settle(channel: str, how: Callable[[Claimed, Delivery], bool]) -> None:
            claimed = claim(channel)
            outbox.renew([claimed], lease_s=600)
            assert claimed.message is not None
            assert how(
                claimed,
                Delivery(
                    message=claimed.id,
                    subscription=name,
                    channel=channel,
                    step="fired",
                    alert=claimed.message.change.alert,
                    attempt=1,
                    outcome="delivered",
                    status="a test",
                    seconds=0,
                    time=now(),
                ),
            )

        held = desk.subscription(name)
        assert held is not None
        assert desk.secret(name, "done") is None
        assert desk.first_secret(name, "done").startswith("whsec_")
        settle("done", outbox.done)
        settle("done", outbox.done)  # the last one of its lane
        settle("later", lambda claimed, line: outbox.later(claimed, now() + timedelta(hours=1), line, progress="p"))
        settle("failed", outbox.give_up)
        outbox.disable(name, "failed", reason="gone")
        assert outbox.why_disabled(name, "failed")
        assert outbox.enable(name, "failed")
        assert outbox.drop(f"{name}/dropped") == 2
        assert any(lane.subscription == name for lane in outbox.waiting())
        sweep(outbox, desk)
        assert outbox.forget(name) == 3
        assert name not in outbox.logged()
