"""The outboxes in Redis, as people see them: how deliveries went, what waits, what was given up, what is disabled."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from shared.alerts import outbox_scripts as lua
from shared.alerts import scripts
from shared.alerts.delivery import Delivery, Disabled, Waiting
from shared.alerts.errors import UnknownMessage
from shared.alerts.records import Message, lane
from shared.events import now
from shared.registry.connection import Connected
from shared.registry.failures import faults
from shared.settings.sections import RedisSettings


class DeliveryDesk(Connected):
    """The delivery logs behind one Redis URL. Thread-safe. Every call is limited in time and raises
    `RegistryUnavailable` where Redis is away, refuses, or holds what is not understood.

    Args:
        settings: where Redis is.
        clock: the present.
    """  # noqa: D205 - the limits are the summary

    def __init__(self, settings: RedisSettings, *, clock: Callable[[], datetime] = now) -> None:
        self._clock: Final = clock
        super().__init__(settings)

    def log(self, delivery: Delivery) -> None:
        """One more line for the log, e.g. of one recipient of several."""
        with faults(changing=True):
            self._redis.xadd(
                lua.DELIVERIES + delivery.subscription,
                {"delivery": written(delivery)},
                maxlen=lua.DELIVERIES_KEPT,
                approximate=True,
            )
            self._redis.sadd(lua.LOGGED, delivery.subscription)

    def recent(self, subscription: str, count: int = 100) -> list[Delivery]:
        """The latest attempts of a subscription, the latest first."""
        with faults():
            entries: Any = self._redis.xrevrange(lua.DELIVERIES + subscription, count=count)
            found = [Delivery.model_validate_json(fields["delivery"]) for _, fields in entries]
            return [
                one.model_copy(update={"kept": bool(self._redis.hexists(lua.FAILED, one.message))})
                if one.outcome in ("failed", "disabled")
                else one
                for one in found
            ]

    def message(self, message_id: str) -> Message:
        """A message that was given up and is kept, or waits.

        Raises:
            UnknownMessage: it is neither.
        """
        with faults():
            text: Any = self._redis.hget(lua.FAILED, message_id) or self._redis.hget(scripts.MESSAGES, message_id)
            if text is None:
                raise UnknownMessage(message_id)
            return Message.model_validate_json(text)

    def redrive(self, message_id: str) -> Message:
        """Put a message that was given up back into its outbox, under its id; one that waits is tried now.

        Raises:
            UnknownMessage: it is neither kept nor waiting: it was delivered, or is too old.
        """
        message = self.message(message_id)
        with faults(changing=True):
            keys = [
                scripts.LANES,
                lua.LEASES,
                scripts.LANE + message.lane,
                scripts.MESSAGES,
                lua.ATTEMPTS,
                lua.FAILED,
                lua.FAILED_TIMES,
            ]
            arguments = [message.lane, message_id, str(in_ms(self._clock()))]
            if not self._redis.eval(lua.REDRIVE, len(keys), *keys, *arguments):
                raise UnknownMessage(message_id)
            return message

    def waiting(self) -> list[Waiting]:
        """Every outbox that is not empty, by name."""
        with faults():
            lanes: Any = self._redis.zrange(scripts.LANES, 0, -1, withscores=True)
            found = []
            for name, due in sorted(lanes):
                length: Any = self._redis.llen(scripts.LANE + name)
                subscription, channel = name.split("/", 1)
                if length:
                    found.append(Waiting(subscription=subscription, channel=channel, messages=length, due=from_ms(due)))
            return found

    def disable(self, subscription: str, channel: str, *, reason: str, target: str = "") -> None:
        """Give a channel nothing more: its receiver said so."""
        flag = Disabled(reason=reason[:512], target=target, time=self._clock())
        with faults(changing=True):
            self._redis.hset(lua.DISABLED, lane(subscription, channel), flag.model_dump_json())

    def enable(self, subscription: str, channel: str) -> bool:
        """Give a channel messages again; False where it was not disabled."""
        with faults(changing=True):
            return bool(self._redis.hdel(lua.DISABLED, lane(subscription, channel)))

    def why_disabled(self, subscription: str, channel: str) -> Disabled | None:
        """Why a channel is disabled; None where it is not."""
        with faults():
            found: Any = self._redis.hget(lua.DISABLED, lane(subscription, channel))
            return None if found is None else Disabled.model_validate_json(found)

    def disabled(self, subscription: str) -> dict[str, Disabled]:
        """The subscription's disabled channels by name."""
        with faults():
            found: Any = self._redis.hgetall(lua.DISABLED)
            return {
                name.split("/", 1)[1]: Disabled.model_validate_json(text)
                for name, text in sorted(found.items())
                if name.split("/", 1)[0] == subscription
            }

    def logged(self) -> set[str]:
        """The subscriptions that have a delivery log."""
        with faults():
            found: Any = self._redis.smembers(lua.LOGGED)
            return set(found)


def written(delivery: Delivery) -> str:
    """An entry of the log."""
    return delivery.model_dump_json(exclude={"kept"})


def in_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as scores are."""
    return int(moment.timestamp() * 1000)


def from_ms(ms: str | float) -> datetime:
    """The moment of a score, in UTC."""
    return datetime.fromtimestamp(float(ms) / 1000, UTC)
