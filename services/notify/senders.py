"""What delivers to each kind of channel, put together."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.notify.away import Away
from services.notify.mail import MailSender
from services.notify.mqtt import MqttSender
from services.notify.outcome import Outcome, Send
from services.notify.picture import Pictures
from services.notify.webhook import WebhookSender
from shared.alerts.channels import Channel, Email, Mqtt, Webhook
from shared.alerts.delivery import Claimed
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Message
from shared.evidence import EvidenceShelf
from shared.faults import FaultSink
from shared.network import NetworkGuard
from shared.settings import Settings


@contextmanager
def sending(settings: Settings, desk: SubscriptionDesk, faults: FaultSink) -> Iterator[Send]:
    """All kinds of delivery, for the length of a `with` block.

    Raises:
        StoreUnavailable: the store's URL names a file system that no driver is installed for.
    """
    notify = settings.notify
    webhooks = WebhookSender(
        desk, NetworkGuard(settings.network), timeout_s=notify.timeout_s, console_url=notify.console_url
    )
    pictures = Pictures(EvidenceShelf(settings.store), settings.images, wait_s=notify.picture_wait_s)
    mails = MailSender(
        notify,
        settings.plants,
        pictures,
        Away(
            faults,
            f"mail server {notify.smtp.host}:{notify.smtp.port}",
            hint="see notify.smtp in the settings, and the delivery logs",
            after_s=notify.away_after_s,
        ),
    )
    broker = Away(
        faults,
        f"MQTT broker {notify.mqtt.host}:{notify.mqtt.port}",
        hint="see notify.mqtt in the settings, and the delivery logs",
        after_s=notify.away_after_s,
    )
    with MqttSender(notify.mqtt, broker) as lights:

        def send(claimed: Claimed, message: Message, channel: Channel) -> Outcome:
            match channel:
                case Webhook():
                    return webhooks.send(message, channel)
                case Email():
                    return mails.send(claimed, message, channel)
                case Mqtt():
                    return lights.send(message, channel)

        yield send
