"""Alerts in Redis: every step by compare-and-swap, with its log entry and its messages in the same atomic change."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from pydantic import ValidationError

from shared.alerts import life, scripts
from shared.alerts.errors import AlertMoved, UnknownAlert
from shared.alerts.messages import messages
from shared.alerts.records import SYSTEM, Alert, HeldAlert, Message, Trigger
from shared.alerts.subscription import Subscription
from shared.events import AlertChanged, Mute, now
from shared.registry.connection import Connected
from shared.registry.failures import faults
from shared.settings.sections import RedisSettings

_log = structlog.get_logger(__name__)
_ATTEMPTS: Final = 50
"""Of a step that others keep coming before."""
_LAST_OF_A_MILLISECOND: Final = 2**64 - 1
"""Entries of a stream are numbered within each millisecond."""


class AlertBook(Connected):
    """The alerts behind one Redis URL. Thread-safe. Every call is limited in time and raises `RegistryUnavailable`
    where Redis is away, refuses, or holds what is not understood.

    Args:
        settings: where Redis is.
        clock: the present.
    """  # noqa: D205 - the limits are the summary

    def __init__(self, settings: RedisSettings, *, clock: Callable[[], datetime] = now) -> None:
        self._timeout: Final = settings.timeout_s
        self._clock: Final = clock
        super().__init__(settings)

    def alert(self, alert_id: str) -> HeldAlert:
        """One alert.

        Raises:
            UnknownAlert: there is none.
        """
        with faults():
            text: Any = self._redis.hget(scripts.HELD, alert_id)
            if text is None:
                raise UnknownAlert(f"there is no alert {alert_id}", hint="`linegate alerts list` shows them")
            return _held(text)

    def open_alerts(self) -> list[HeldAlert]:
        """Every alert that is not resolved, the latest first."""
        with faults():
            ids: Any = self._redis.hvals(scripts.OPEN)
            return self._read(ids)

    def closed_alerts(self, count: int = 100) -> list[HeldAlert]:
        """The alerts that were resolved last, the latest first."""
        with faults():
            ids: Any = self._redis.zrevrange(scripts.CLOSED, 0, count - 1)
            return self._read(ids)

    def trigger(self, subscription: Subscription, trigger: Trigger, *, muted: Mute | None = None) -> HeldAlert | None:
        """Count that a condition was met: a new alert fires, or the open one of its key counts it.

        The same trigger again changes nothing, also after the alert was resolved: that makes redelivery harmless.

        Returns:
            The alert; None where this trigger was counted before.
        """
        key = life.key_of(subscription, trigger.group)
        for _ in range(_ATTEMPTS):
            at = self._clock()
            with faults():
                alert_id: Any = self._redis.hget(scripts.OPEN, key)
            if alert_id is None:
                after = life.fire(subscription, trigger, muted=muted, at=at)
                change = after.changed("fired", by=SYSTEM, at=at)
                told = messages(subscription, None, after, change)
                outcome, value = self._step(after, None, change, told, at=at, counted=trigger.id)
            else:
                held = self.alert(alert_id)
                if not held.record.open:
                    continue
                after = life.join(held.record, trigger, at=at)
                outcome, value = self._step(after, held.revision, None, (), at=at, counted=trigger.id)
            if outcome == "counted":
                return None
            if outcome == "done":
                return HeldAlert(revision=int(value), record=after)
        raise _contended(key)

    def take(
        self,
        alert_id: str,
        step: life.Life,
        subscription: Subscription | None,
        *,
        by: str = SYSTEM,
        note: str = "",
        expected: int | None = None,
    ) -> HeldAlert:
        """Take one step of an open alert, e.g. `life.acknowledge("kim")`.

        Args:
            alert_id: which.
            step: what happens.
            subscription: whose channels are told; None where it was removed: nobody is told.
            by: who does it.
            note: why.
            expected: the revision that was seen; then a change by others meanwhile is a conflict that is not repeated.

        Raises:
            UnknownAlert: there is none.
            AlertError: the step does not follow, e.g. somebody else acknowledged it first.
            AlertMoved: it is no longer at `expected`.
        """
        for _ in range(_ATTEMPTS):
            held = self.alert(alert_id)
            if expected is not None and held.revision != expected:
                raise AlertMoved(alert_id)
            at = self._clock()
            after, kind = step(held.record, at)
            change = None if kind is None else after.changed(kind, by=by, at=at, note=note)
            told = () if subscription is None or change is None else messages(subscription, held.record, after, change)
            outcome, value = self._step(after, held.revision, change, told, at=at)
            if outcome == "done":
                return HeldAlert(revision=int(value), record=after)
        raise _contended(alert_id)

    def log(self, since: str = "-", count: int = 100) -> list[tuple[str, AlertChanged]]:
        """Steps after the log's entry `since` (or from the first that is kept), oldest first, by their entries' ids."""
        with faults():
            entries: Any = self._redis.xrange(scripts.LOG, min="-" if since == "-" else f"({since}", count=count)
            return [(entry, AlertChanged.model_validate_json(fields["change"])) for entry, fields in entries]

    def latest_log_entry(self) -> str:
        """The id of the log's latest entry; `0-0` while there is none."""
        with faults():
            entries: Any = self._redis.xrevrange(scripts.LOG, count=1)
            return entries[0][0] if entries else "0-0"

    def moment(self) -> str:
        """An id that every later entry of the log follows, by Redis' own clock: it tells nothing of what is there."""
        with faults():
            told: Any = self._redis.time()
            seconds, microseconds = told
            return f"{int(seconds) * 1000 + int(microseconds) // 1000 - 1}-{_LAST_OF_A_MILLISECOND}"

    def wait_for_log(self, since: str, timeout_s: float) -> bool:
        """Whether the log goes on after `since`; waits at most `timeout_s` or half our time limit."""
        block_ms = max(1, int(min(timeout_s, self._timeout / 2) * 1000))
        with faults():
            return bool(self._redis.xread({scripts.LOG: since}, count=1, block=block_ms))

    def forget_closed(self, before: datetime) -> int:
        """Forget alerts that were resolved before a moment; answers how many. The topic keeps their steps."""
        with faults(changing=True):
            ids: Any = self._redis.zrangebyscore(scripts.CLOSED, "-inf", _ms(before))
            for alert_id in ids:
                self._redis.hdel(scripts.HELD, alert_id)
                self._redis.zrem(scripts.CLOSED, alert_id)
            return len(ids)

    def put_message(self, message: Message) -> bool:
        """Put a message into its outbox by itself (a test, a redrive); False where one of its id is there already."""
        with faults(changing=True):
            done: Any = self._redis.eval(
                scripts.PUT_MESSAGE,
                3,
                scripts.MESSAGES,
                scripts.LANES,
                scripts.LANE + message.lane,
                message.lane,
                message.id,
                message.model_dump_json(),
                _ms(self._clock()),
            )
            return bool(done)

    def _read(self, ids: list[str]) -> list[HeldAlert]:
        if not ids:
            return []
        texts: Any = self._redis.hmget(scripts.HELD, ids)
        found = [held for text in texts if text is not None and (held := _understood(text)) is not None]
        return sorted(found, key=lambda held: held.record.since, reverse=True)

    def _step(
        self,
        after: Alert,
        expected: int | None,
        change: AlertChanged | None,
        told: tuple[Message, ...],
        *,
        at: datetime,
        counted: str = "",
    ) -> tuple[str, str]:
        keys = [
            scripts.REVISION,
            scripts.HELD,
            scripts.OPEN,
            scripts.CLOSED,
            scripts.LOG,
            scripts.COUNTED,
            scripts.MESSAGES,
            scripts.LANES,
            *(scripts.LANE + message.lane for message in told),
        ]
        arguments = [
            after.id,
            "" if expected is None else str(expected),
            after.model_dump_json(),
            after.key,
            "open" if after.open else "closed",
            str(_ms(at)),
            counted,
            "" if change is None else change.model_dump_json(),
            str(scripts.LOG_LENGTH),
            str(scripts.COUNTED_MS),
        ]
        for message in told:
            arguments += [message.lane, message.id, message.model_dump_json()]
        with faults(changing=True):
            answer: Any = self._redis.eval(scripts.STEP, len(keys), *keys, *arguments)
        return str(answer[0]), str(answer[1])


def _held(text: str) -> HeldAlert:
    revision, record = text.split(" ", 1)
    return HeldAlert(revision=int(revision), record=Alert.model_validate_json(record))


def _understood(text: str) -> HeldAlert | None:
    """One of many: what a newer version wrote must not hide the others."""
    try:
        return _held(text)
    except ValidationError as error:
        _log.warning("an alert is not understood; was it written by a newer version?", errors=error.error_count())
        return None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _contended(what: str) -> RuntimeError:
    return RuntimeError(f"{what} was changed by others {_ATTEMPTS} times in a row")
