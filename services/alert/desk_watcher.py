"""What people want to be told of, held in memory and read again when it changed."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import structlog

from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Silence
from shared.alerts.subscription import Subscription
from shared.registry.errors import RegistryError, RegistryUnavailable
from shared.serving.background import Background

POLL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeskSnapshot:
    """Subscriptions and silences at one moment."""

    subscriptions: dict[str, Subscription]
    silences: tuple[Silence, ...]
    unreadable: frozenset[str] = frozenset()
    """Ids of subscriptions that are not understood."""

    def awake(self, subscription: Subscription, at: datetime) -> bool:
        """Whether a subscription fires at a moment."""
        return subscription.enabled and (subscription.hours is None or subscription.hours.contains(at))


class DeskWatcher(Background):
    """Follows the desk on a thread of its own, for the length of a `with` block.

    While Redis is away, what was known stays.

    Args:
        desk: where they are.
        poll_s: time between two looks whether something changed, in seconds.
    """

    def __init__(self, desk: SubscriptionDesk, *, poll_s: float = POLL_SECONDS) -> None:
        super().__init__("subscriptions", stop_s=STOP_SECONDS)
        self._desk = desk
        self._poll_s = poll_s
        self._snapshot: DeskSnapshot | None = None
        self._position = ""
        self._lock = threading.Lock()
        self._hurdle: str | None = None

    @property
    def snapshot(self) -> DeskSnapshot | None:
        """The latest; None while they were never seen."""
        return self._snapshot

    def latest(self) -> DeskSnapshot | None:
        """As they stand now, at the price of one question to Redis: a photo that was sent after a subscription was made
        is counted by it. While Redis is away, as they were last seen.
        """  # noqa: D205 - one sentence
        try:
            return self.reload()
        except RegistryUnavailable:
            return self._snapshot

    def reload(self, *, force: bool = False) -> DeskSnapshot:
        """Read them again where they changed, or where it is forced; answers the latest.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        with self._lock:
            # The position first: what changes after it is seen by the next look.
            position = self._desk.position()
            if force or self._snapshot is None or position != self._position:
                names = self._desk.subscription_names()
                held = self._desk.subscriptions()
                silences = tuple(one.record for one in self._desk.silences().values())
                records = {name: one.record for name, one in held.items()}
                self._snapshot = DeskSnapshot(records, silences, names - records.keys())
                self._position = position
            return self._snapshot

    def __enter__(self) -> Self:
        self._try()
        return super().__enter__()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            self._try()

    def _try(self) -> None:
        try:
            self.reload()
            self._hurdle = None
        except RegistryError as error:
            if str(error) != self._hurdle:
                self._hurdle = str(error)
                _log.warning("subscriptions cannot be read", reason=self._hurdle, hint=error.hint)
        except Exception:  # noqa: BLE001 - a thread that died would never see a change again
            _log.exception("reading subscriptions failed; it goes on")
