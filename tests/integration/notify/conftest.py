"""A real Redis without any alert, receivers that answer as they are told, and a notify worker on a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
import redis

from services.notify.main import dispatching
from shared.alerts import sample, scripts
from shared.alerts.book import AlertBook
from shared.alerts.channels import Channel, Webhook
from shared.alerts.conditions import EachFail
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Message
from shared.alerts.subscription import Subscription
from shared.faults import NO_FAULTS, FaultSink
from shared.registry.place_key import PlaceKey
from shared.settings import Settings

PATIENCE = 60.0
"""Longest wait for anything, in seconds: far more than it takes."""


def until(true: Callable[[], object], what: str = "it never came to be") -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Posted:
    """One request that a receiver got."""

    body: bytes
    headers: dict[str, str]


Answer = tuple[int, dict[str, str]]


class Receiver:
    """An HTTP server for webhooks.

    Args:
        answer: called with the number of each request, the first is 1; may block, as a receiver that hangs does.
    """

    def __init__(self, answer: Callable[[int], Answer] = lambda _: (200, {})) -> None:
        self.got: list[Posted] = []
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    received.append(Posted(body, {name.lower(): value for name, value in self.headers.items()}))
                    number = len(received)
                status, headers = answer(number)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        received = self.got
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that was killed
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def ids(self) -> list[str]:
        """The id of each message, as it came."""
        return [posted.headers["webhook-id"] for posted in self.got]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any alert."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as found:
        for key in found.scan_iter(scripts.PREFIX + "*"):
            found.delete(key)
        yield found


@pytest.fixture
def settings(redis_url: str, client: redis.Redis) -> Settings:  # noqa: ARG001 - emptied first
    """A worker that is quick to try again, and may deliver to this machine."""
    return Settings.model_validate({
        "redis": {"url": redis_url},
        "network": {"allow_private": ["127.0.0.0/8"]},
        "notify": {"first_retry_s": 0.05, "timeout_s": 5, "lease_s": 2, "console_url": "https://console.example"},
    })  # fmt: skip


@pytest.fixture
def outbox(settings: Settings) -> Iterator[Outbox]:
    """The outboxes."""
    with Outbox(settings.redis) as made:
        yield made


@pytest.fixture
def desk(settings: Settings) -> Iterator[SubscriptionDesk]:
    """The subscriptions."""
    with SubscriptionDesk(settings.redis) as made:
        yield made


@pytest.fixture
def book(settings: Settings) -> Iterator[AlertBook]:
    """The alerts."""
    with AlertBook(settings.redis) as made:
        yield made


@contextmanager
def delivering(settings: Settings, faults: FaultSink = NO_FAULTS) -> Iterator[None]:
    """A notify worker for the length of a block."""
    stop = threading.Event()
    with dispatching(settings, faults) as dispatcher:
        thread = threading.Thread(target=dispatcher.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE)


def with_settings(settings: Settings, **notify: Any) -> Settings:
    """The same with other settings of the worker."""
    section = settings.notify.model_validate({**settings.notify.model_dump(), **notify})
    return settings.model_copy(update={"notify": section})


def subscribe(desk: SubscriptionDesk, *channels: Channel, name: str = "fails", **more: Any) -> Subscription:
    """Make or change a subscription."""
    held = desk.subscription(name)
    record = Subscription(
        id=name, title="Line 1", scope=PlaceKey.parse("munich/line-1"), condition=EachFail(), channels=channels, **more
    )
    desk.put_subscription(record, expected=None if held is None else held.revision, author="kim")
    return record


def put(book: AlertBook, subscription: Subscription, channel: str) -> Message:
    """Put a message into an outbox."""
    message = sample.sample_message(subscription, channel, "kim")
    assert book.put_message(message)
    return message


def hook(url: str, name: str = "hook") -> Webhook:
    """A webhook's channel."""
    return Webhook(name=name, url=url)
