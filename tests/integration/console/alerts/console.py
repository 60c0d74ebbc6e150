"""The console over HTTP, on a real Redis, and whoever signs in with a real key."""

import json
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from services.console.app import create_app
from services.console.deps import Deps
from services.keys.edit import add_key
from services.keys.record import new_record
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Alert, Group, Trigger
from shared.alerts.subscription import Subscription
from shared.auth import Role, make_authenticator
from shared.events import Evidence, now
from shared.settings import Settings

ORIGIN = "http://console.example"


class Page(HTMLParser):
    """What a page shows: its elements by `data-test`, and its text."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.elements: list[dict[str, str]] = []
        self.text = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append({"tag": tag, **{name: value or "" for name, value in attrs}})

    def handle_data(self, data: str) -> None:
        """Note its text."""
        self.text += data

    def all(self, hook: str) -> list[dict[str, str]]:
        """Elements with this `data-test`."""
        return [found for found in self.elements if found.get("data-test") == hook]

    def value(self, hook: str) -> str:
        """The value of one input."""
        (found,) = self.all(hook)
        return found.get("value", "")

    def fields(self) -> dict[str, list[str]]:
        """What a browser would send of the form as it stands, but for text areas and selects."""
        sent: dict[str, list[str]] = {}
        for found in self.elements:
            boxed = found.get("type") in ("checkbox", "radio")
            if found["tag"] == "input" and found.get("name") and (not boxed or "checked" in found):
                sent.setdefault(found["name"], []).append(found.get("value", "on" if boxed else ""))
        return sent


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser."""

    client: TestClient
    subject: str

    def get(self, path: str) -> Page:
        """A page that there is."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer)

    def post(self, path: str, fields: dict[str, Any] | None = None) -> Response:
        """As htmx posts a form."""
        return self.client.post(path, data=fields or {}, headers={"HX-Request": "true"})


def toast(answer: Response) -> dict[str, str]:
    """What the browser is told to show."""
    found: dict[str, str] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return found


@dataclass(frozen=True)
class Console:
    """The application, and what lies behind it."""

    app: FastAPI
    keys: Path
    book: AlertBook
    desk: SubscriptionDesk
    outbox: Outbox

    def visitor(self, role: Role = Role.SUPERVISOR, *plants: str) -> Visitor:
        """Somebody who has signed in; at Munich where nothing else is said."""
        token, record = new_record(roles=[role], plants=plants or ("munich",), expires=None, note="")
        add_key(self.keys, record)
        client = TestClient(self.app, base_url=ORIGIN, headers={"Origin": ORIGIN, "Accept-Language": "en"})
        answer = client.post("/sign-in", data={"token": token}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return Visitor(client, f"key:{record.id}")

    def subscribe(self, record: Subscription) -> int:
        """A subscription of somebody else; answers its revision."""
        return self.desk.put_subscription(record, expected=None, author="key:lee")

    def fire(self, record: Subscription, image: str = "img-1", plant: str | None = "munich", **group: str) -> Alert:
        """An alert of a subscription."""
        seen = Evidence(image=image, part=f"p-{image}", plant=plant or "munich", captured=now() - timedelta(seconds=5))
        found = Group.model_validate({"plant": plant, **group})
        trigger = Trigger(id=image, group=found, summary=f"part p-{image} failed", time=now(), evidence=(seen,))
        held = self.book.trigger(record, trigger)
        assert held is not None
        return held.record


def make_app(settings: Settings, **parts: Any) -> FastAPI:
    """The application around parts that stand already."""
    authenticator = make_authenticator(settings.auth)
    return create_app(settings, authenticator, lambda screen: Deps(settings=settings, screen=screen, **parts))
