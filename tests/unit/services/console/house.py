"""A whole console in this process, without servers: whoever needs Redis or Kafka finds them away."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from pydantic import SecretStr

from services.console.app import create_app
from services.console.deps import Deps
from services.console.live.jobs import JobBook
from services.console.live.live import Live
from services.console.live.trials import TrialBook
from services.console.pictures import Pictures
from services.console.screen import Screen
from shared.alerts.book import AlertBook
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.auth import Role, make_authenticator
from shared.auth.key_file import KeyRecord, as_toml, new_token, token_sha256
from shared.bus.publisher import PublishFailed
from shared.events import Event
from shared.evidence import EvidenceShelf, EvidenceSource
from shared.registry.client import Registry
from shared.settings import Settings
from shared.settings.console import ConsoleSettings
from shared.settings.sections import StoreSettings
from tests.unit.services.console.parts import PLANTS

T = TypeVar("T")
ORIGIN = "http://console.test"


class Outgoing:
    """What is published; `away` has the broker take nothing."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.away = False

    def publish(self, event: Event) -> "Future[None]":
        """Take an event."""
        future: Future[None] = Future()
        if self.away:
            future.set_exception(PublishFailed("Kafka did not take the event"))
        else:
            self.events.append(event)
            future.set_result(None)
        return future


class House:
    """The console, with keys of its own.

    Args:
        folder: for its files.
        sections: further settings.
    """

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.keys_file = folder / "keys.toml"
        self.keys_file.write_text("")
        (folder / "store").mkdir(exist_ok=True)
        given = {
            "auth": {"keys_file": self.keys_file},
            "plants": PLANTS.model_dump(),
            "store": {"url": str(folder / "store")},
            "redis": {"url": "redis://127.0.0.1:1/0", "timeout_s": 0.2},
            "console": {"secret": "s" * 32},
        }
        self.settings = Settings.model_validate(given | sections)
        self.outgoing = Outgoing()
        self.live = Live(self.settings)
        self.shelf = EvidenceShelf(StoreSettings(url=str(folder / "store")))
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        redis = self.settings.redis
        registry = self._parts.enter_context(Registry(redis))
        book = self._parts.enter_context(AlertBook(redis))
        desk = self._parts.enter_context(SubscriptionDesk(redis))
        deliveries = self._parts.enter_context(DeliveryDesk(redis))

        def make_deps(screen: Screen) -> Deps:
            return Deps(
                settings=self.settings,
                screen=screen,
                live=self.live,
                pictures=Pictures(EvidenceSource(self.shelf), self.live.memory, self.settings.images),
                registry=registry,
                book=book,
                desk=desk,
                trials=TrialBook(lambda: None),
                jobs=JobBook(),
                deliveries=deliveries,
                publisher=self.outgoing,
            )

        self.app = create_app(self.settings, make_authenticator(self.settings.auth), make_deps)
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @staticmethod
    def settings_of(secret: str) -> ConsoleSettings:
        """Of a console with this secret."""
        return ConsoleSettings(secret=SecretStr(secret))

    def key(self, *roles: Role, plants: tuple[str, ...] = ("*",)) -> str:
        """A key for somebody new."""
        identity, token = new_token()
        record = KeyRecord(
            id=identity, sha256=token_sha256(token), roles=frozenset(roles), plants=frozenset(plants), note="test"
        )
        with self.keys_file.open("a") as file:
            file.write(as_toml(record))
        return token

    def visit(
        self, steps: Callable[[httpx.AsyncClient], Coroutine[Any, Any, T]], *, origin: str | None = ORIGIN, **more: Any
    ) -> T:
        """Have a browser take `steps`: it keeps cookies, and says where it comes from."""

        async def run() -> T:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            headers = {} if origin is None else {"origin": origin}
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, **more) as browser:
                return await steps(browser)

        return asyncio.run(run())
