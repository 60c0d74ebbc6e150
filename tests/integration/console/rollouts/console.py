"""The console over HTTP on a real Redis and a real store, and whoever signs in with a real key."""

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from services.console.live.books import Books
from services.console.live.changes import Changes
from services.keys.edit import add_key
from services.keys.record import new_record
from shared.auth import Role
from shared.models.card import Calibration
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.lifecycle import Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Advanced, VersionRecord
from shared.settings import Settings
from shared.store import ArtifactStore

ORIGIN = "http://console.example"
LINE = PlaceKey("munich/line-1")
PATH = f"/rollouts/{LINE}"


class Page(HTMLParser):
    """What a page shows: its elements by `data-test`, and its text."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.elements: list[dict[str, str]] = []
        self.text = ""
        self.feed(answer.text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append({"tag": tag, **{name: value or "" for name, value in attrs}})

    def handle_data(self, data: str) -> None:
        """Note its text."""
        self.text += f" {data}"

    def all(self, hook: str) -> list[dict[str, str]]:
        """Elements with this `data-test`."""
        return [found for found in self.elements if found.get("data-test") == hook]

    def one(self, hook: str) -> dict[str, str]:
        """The one element with this `data-test`."""
        (found,) = self.all(hook)
        return found

    def fields(self) -> dict[str, str]:
        """What a browser would send of the confirmation as it stands."""
        names = {"version", "percent", "what", "direct", "expected", "note"}
        return {
            found["name"]: found.get("value", "")
            for found in self.elements
            if found["tag"] == "input" and found.get("name") in names
        }


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser."""

    client: TestClient
    subject: str

    def get(self, path: str, status: int = 200, **headers: str) -> Page:
        """A page."""
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return Page(answer)

    def step(self, path: str, note: str = "", **query: str) -> Response:
        """Open a question, and answer it with yes."""
        asked = self.client.get(path, params=query)
        assert asked.status_code == 200, asked.text
        fields = Page(asked).fields() | {"note": note}
        return self.client.post(path, data=fields, follow_redirects=False)


@dataclass(frozen=True)
class Console:
    """The application, and what lies behind it."""

    app: FastAPI
    settings: Settings
    keys: Path
    registry: Registry
    store: ArtifactStore
    books: Books
    changes: Changes

    def visitor(self, role: Role = Role.ENGINEER, *plants: str, language: str = "en") -> Visitor:
        """Somebody who has signed in; at Munich where nothing else is said."""
        token, record = new_record(roles=[role], plants=plants or ("munich",), expires=None, note="")
        add_key(self.keys, record)
        headers = {"Origin": ORIGIN, "Accept-Language": language}
        client = TestClient(self.app, base_url=ORIGIN, headers=headers)
        answer = client.post("/sign-in", data={"token": token}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return Visitor(client, f"key:{record.id}")

    def version(self, name: str, place: str | None = "munich/line-1", **more: Any) -> VersionRecord:
        """A registered version; its bundle lies in the store, and its threshold is 2."""
        fields = {
            "version": name,
            "digest": self.store.put_bytes(name.encode()),
            "kind": "padim",
            "place": None if place is None else PlaceKey(place),
            "calibration": Calibration(rule="quantile", threshold=2.0, good_parts=50, damaged_parts=0),
            "metrics": {"auroc": 0.97},
        }
        return self.registry.register(VersionRecord.model_validate(fields | more))

    def champion(self, name: str, key: str = "munich/line-1") -> Advanced:
        """Put a version in force."""
        return self.advance(lambda held: lifecycle.promote(held, name, direct=True), key)

    def advance(self, transition: Transition, key: str = "munich/line-1", author: str = "key:lee") -> Advanced:
        """A step of somebody else."""
        return self.registry.advance(PlaceKey(key), transition, action="promote", author=author, note="theirs")
