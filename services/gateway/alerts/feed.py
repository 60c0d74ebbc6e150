"""The log of alerts, followed once for all who listen: one thread, however many streams there are."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from services.gateway.alerts.refusals import too_many_streams
from services.gateway.problems import ProblemError
from services.gateway.refusals import unavailable
from shared.alerts.book import AlertBook
from shared.events import AlertChanged
from shared.registry.errors import RegistryUnavailable

STREAMS: Final = 100
"""In all: each is a socket and a little memory."""
STREAMS_OF_ONE: Final = 20
"""Of one caller, so that one does not take all places."""
LAG: Final = 1000
"""Steps that one stream may be behind; then it is ended, and goes on where it was when it comes again."""
PAGE: Final = 200
WAIT_SECONDS: Final = 1.0
"""Longest wait for the log at a time, so that `close` is quick."""
RETRY_SECONDS: Final = 1.0
JOIN_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """One step of an alert, as every stream sends it."""

    entry: str
    """The id of its entry in the log."""
    plant: str | None
    subscription: str
    frame: bytes
    """An event of the HTML standard, 9.2.6."""

    @classmethod
    def of(cls, entry: str, change: AlertChanged) -> "Told":
        """An entry of the log."""
        # JSON on one line: a line break within would end the field.
        frame = f"id: {entry}\nevent: alert\ndata: {change.model_dump_json()}\n\n"
        return cls(entry, change.plant, change.subscription, frame.encode())


class Listener:
    """What one stream has still to send. Of one event loop, but for `hand` and `end`."""

    def __init__(self, subject: str) -> None:
        self.subject: Final = subject
        self._loop: Final = asyncio.get_running_loop()
        self._waiting: Final[deque[Told]] = deque()
        self._woken: Final = asyncio.Event()
        self._ended = False

    async def next(self, timeout_s: float) -> Told | None:
        """The next step; None where the stream is to end.

        Raises:
            TimeoutError: none came in time.
        """
        async with asyncio.timeout(timeout_s):
            while not self._waiting and not self._ended:
                self._woken.clear()
                await self._woken.wait()
        return None if self._ended else self._waiting.popleft()

    def hand(self, told: Sequence[Told]) -> None:
        """Give it steps. Any thread."""
        self._loop.call_soon_threadsafe(self._take, told)

    def end(self) -> None:
        """Have the stream end. Any thread."""
        self._loop.call_soon_threadsafe(self._take, None)

    def _take(self, told: Sequence[Told] | None) -> None:
        if told is None:
            self._ended = True
        elif len(self._waiting) + len(told) > LAG:
            _log.warning("a stream of alerts is too slow and ends", subject=self.subject)
            self._ended = True
        else:
            self._waiting.extend(told)
        self._woken.set()


class AlertFeed:
    """Follows the log from when the first one listens.

    Args:
        book: whose log it is.
        heartbeat_s: how often a stream shows that it lives.
    """

    def __init__(self, book: AlertBook, *, heartbeat_s: float = 15.0) -> None:
        self.heartbeat_s: Final = heartbeat_s
        self._book: Final = book
        self._lock: Final = threading.Lock()
        self._listeners: Final[set[Listener]] = set()
        self._closed = False
        self._starting: Final = threading.Lock()
        self._stop: Final = threading.Event()
        self._thread: threading.Thread | None = None
        self._hurdle: str | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._listeners)

    def join(self, subject: str) -> Listener:
        """Begin to listen; `leave` must follow.

        Raises:
            ProblemError: 503 too many listen, or the gateway is stopping.
        """
        with self._lock:
            if self._closed:
                raise stopping()
            if len(self._listeners) >= STREAMS:
                raise too_many_streams(f"{STREAMS} streams are open.")
            if Counter(one.subject for one in self._listeners)[subject] >= STREAMS_OF_ONE:
                raise too_many_streams(f"{STREAMS_OF_ONE} streams of yours are open.")
            listener = Listener(subject)
            self._listeners.add(listener)
            return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        with self._lock:
            self._listeners.discard(listener)

    def begin(self) -> str:
        """See that the log is followed; off the event loop.

        Returns:
            A place in the log: whoever joined before is handed every step after it.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                position = self._book.latest_log_entry()
                self._thread = threading.Thread(target=self._follow, args=(position,), name="alert-feed", daemon=True)
                self._thread.start()
        return self._book.moment()

    def close(self) -> None:
        """End every stream, now and from now on. Any thread but the event loop's."""
        with self._lock:
            self._closed = True
            listeners = list(self._listeners)
        for listener in listeners:
            listener.end()
        with self._starting:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(JOIN_SECONDS)

    def _follow(self, position: str) -> None:
        while not self._stop.is_set():
            try:
                if self._book.wait_for_log(position, WAIT_SECONDS):
                    page = self._book.log(position, PAGE)
                    self._hand([Told.of(entry, change) for entry, change in page])
                    position = page[-1][0]
                self._hurdle = None
            except RegistryUnavailable as away:
                if str(away) != self._hurdle:
                    self._hurdle = str(away)
                    _log.warning("alerts cannot be followed yet", reason=self._hurdle, hint=away.hint)
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - a thread that died would tell nothing, and nobody would know
                _log.exception("following alerts failed; it goes on")
                self._stop.wait(RETRY_SECONDS)

    def _hand(self, told: Sequence[Told]) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.hand(told)


def stopping() -> ProblemError:
    """503: another gateway, or this one later."""
    return unavailable("stopping", "The gateway is stopping", "Ask another gateway, or this one later.")
