"""The outboxes in Redis, as those who empty them see them: who delivers which message, and when."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.alerts import outbox_scripts as lua
from shared.alerts import scripts
from shared.alerts.delivery import Claimed, Delivery
from shared.alerts.delivery_desk import DeliveryDesk, from_ms, in_ms, written
from shared.alerts.records import Message
from shared.registry.failures import faults


class Outbox(DeliveryDesk):
    """The outboxes behind one Redis URL: one lane per subscription and channel, each in order. Thread-safe.

    Any number of workers may deliver from them. Each claims a lane for the length of a lease; while it does, nobody
    else touches the lane. Every call is limited in time and raises `RegistryUnavailable` where Redis is away, refuses,
    or holds what is not understood.
    """

    def due(self, count: int) -> list[str]:
        """At most `count` lanes whose head may be tried now, those that wait for longest first."""
        with faults():
            found: Any = self._redis.zrangebyscore(scripts.LANES, "-inf", in_ms(self._clock()), start=0, num=count)
            return list(found)

    def claim(self, of: str, *, lease_s: float, repeats: bool = True) -> Claimed | None:
        """Take the head of lane `of` for `lease_s` seconds; its attempt counts from here on.

        Args:
            of: the lane.
            lease_s: after so long without `renew` anybody may claim it again.
            repeats: whether a head that was tried before is wanted.

        Returns:
            None where somebody else has it, it is not due, it is empty, or its head is not wanted.
        """
        at, token = self._clock(), uuid.uuid4().hex
        keys = [scripts.LANES, lua.LEASES, scripts.LANE + of, scripts.MESSAGES, lua.ATTEMPTS, lua.PROGRESS]
        arguments = [of, str(in_ms(at)), str(int(lease_s * 1000)), token, "0" if repeats else "1"]
        with faults(changing=True):
            answer: Any = self._redis.eval(lua.CLAIM, len(keys), *keys, *arguments)
        if not answer:
            return None
        identity, text, attempt, since, progress = (str(part) for part in answer)
        message = _understood(text)
        begun = from_ms(since) if since else at if message is None else message.created
        return Claimed(of, token, identity, message, int(attempt), begun, progress)

    def renew(self, claims: Collection[Claimed], *, lease_s: float) -> None:
        """Keep these for `lease_s` more seconds from now, as far as they are still ours."""
        if not claims:
            return
        until = in_ms(self._clock()) + int(lease_s * 1000)
        pairs = [word for claimed in claims for word in (claimed.lane, claimed.token)]
        with faults(changing=True):
            self._redis.eval(lua.RENEW, 2, scripts.LANES, lua.LEASES, str(until), *pairs)

    def done(self, claimed: Claimed, delivery: Delivery | None) -> bool:
        """It is delivered; the next one of its lane may be tried. False where the claim was lost meanwhile."""
        return self._settle(claimed, delivery, keep=0)

    def give_up(self, claimed: Claimed, delivery: Delivery | None) -> bool:
        """It is not tried any more, but kept for `redrive`. False where the claim was lost meanwhile."""
        return self._settle(claimed, delivery, keep=lua.FAILED_KEPT)

    def later(
        self,
        claimed: Claimed,
        when: datetime,
        delivery: Delivery | None = None,
        *,
        counted: bool = True,
        progress: str = "",
    ) -> bool:
        """Try it again, and nothing else of its lane before.

        Args:
            claimed: what was tried.
            when: the next attempt.
            delivery: for the log; None: nothing happened that is worth a line.
            counted: whether that was an attempt.
            progress: handed to the next attempt; empty: as it was.

        Returns:
            False where the claim was lost meanwhile: nothing was changed.
        """
        keys = [scripts.LANES, lua.LEASES, lua.ATTEMPTS, lua.PROGRESS, lua.DELIVERIES + claimed.subscription]
        arguments = [
            claimed.lane,
            claimed.token,
            claimed.id,
            str(in_ms(when)),
            str(claimed.attempt if counted else claimed.attempt - 1),
            str(in_ms(claimed.since)),
            progress,
            "" if delivery is None else written(delivery),
            str(lua.DELIVERIES_KEPT),
            claimed.subscription,
        ]
        with faults(changing=True):
            return bool(self._redis.eval(lua.LATER, len(keys) + 1, *keys, lua.LOGGED, *arguments))

    def _settle(self, claimed: Claimed, delivery: Delivery | None, *, keep: int) -> bool:
        keys = [
            scripts.LANES,
            lua.LEASES,
            scripts.LANE + claimed.lane,
            scripts.MESSAGES,
            lua.ATTEMPTS,
            lua.PROGRESS,
            lua.DELIVERIES + claimed.subscription,
            lua.LOGGED,
            lua.FAILED,
            lua.FAILED_TIMES,
        ]
        arguments = [
            claimed.lane,
            claimed.token,
            claimed.id,
            str(in_ms(self._clock())),
            "" if delivery is None else written(delivery),
            str(lua.DELIVERIES_KEPT),
            claimed.subscription,
            str(keep),
        ]
        with faults(changing=True):
            return bool(self._redis.eval(lua.SETTLE, len(keys), *keys, *arguments))

    def drop(self, of: str) -> int:
        """Remove a lane with all its messages, and its channel's flag; answers how many messages that were."""
        keys = [
            scripts.LANES,
            lua.LEASES,
            scripts.LANE + of,
            scripts.MESSAGES,
            lua.ATTEMPTS,
            lua.PROGRESS,
            lua.DISABLED,
        ]
        with faults(changing=True):
            dropped: Any = self._redis.eval(lua.DROP, len(keys), *keys, of)
            return int(dropped)

    def forget(self, subscription: str) -> int:
        """Remove all that is kept of a subscription that is no more: outboxes, log, flags, what was given up.

        Returns:
            How many messages waited.
        """
        prefix = f"{subscription}/"
        with faults(changing=True):
            lanes: Any = self._redis.zrange(scripts.LANES, 0, -1)
            flags: Any = self._redis.hgetall(lua.DISABLED)
            dropped = sum(self.drop(one) for one in sorted({*lanes, *flags}) if one.startswith(prefix))
            kept: Any = self._redis.zrange(lua.FAILED_TIMES, 0, -1)
            for member in kept:
                if member.startswith(prefix):
                    self._redis.hdel(lua.FAILED, member.split("|", 1)[1])
                    self._redis.zrem(lua.FAILED_TIMES, member)
            self._redis.delete(lua.DELIVERIES + subscription)
            self._redis.srem(lua.LOGGED, subscription)
            return dropped


def _understood(text: str) -> Message | None:
    try:
        return Message.model_validate_json(text)
    except ValidationError:
        return None
