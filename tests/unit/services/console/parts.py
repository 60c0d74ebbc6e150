"""Verdicts and visitors for tests of the console."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.console.live.live import Live
from services.console.visitor import Visitor
from services.console.words import Words
from shared.auth import ANYONE, Principal, Role
from shared.events import Check, Feedback, Judged, ModelStamp, Timings, Verdict
from shared.settings import Settings
from shared.settings.plants import PlantsSettings

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PLANTS = PlantsSettings.model_validate(
    {"named": {"munich": {"title": "Werk München", "zone": "Europe/Berlin"}, "lyon": {"zone": "Europe/Paris"}}}
)


def verdict(image: str, *, failed: bool = False, at: datetime = START, **more: Any) -> Verdict:
    """A verdict of munich/line-1."""
    check = Check(
        name="damage",
        result="fail" if failed else "pass",
        score=30.0 if failed else 10.0,
        threshold=20.0,
        peak=(0.25, 0.5),
    )
    fields = {
        "id": f"verdict-{image}",
        "time": at,
        "image": image,
        "part": "P1",
        "plant": "munich",
        "line": "line-1",
        "captured": at - timedelta(milliseconds=150),
        "decision": "fail" if failed else "pass",
        "checks": (check,),
        "model": ModelStamp(
            version="v1", digest="0" * 64, kind="padim", arm="champion", assignment="*/*/*/*/*", revision=1
        ),
        "timings": Timings(capture_to_verdict=150.0),
    }
    return Verdict.model_validate(fields | more)


def word(of: Verdict, finding: str, by: str = "key:kim", **more: Any) -> Feedback:
    """What somebody found on the part of a verdict."""
    fields = {**of.carried(), "image": of.image, "finding": finding, "by": by, "judged": Judged.of(of)}
    return Feedback.model_validate(fields | more)


def settings(**sections: Any) -> Settings:
    """Settings without a server."""
    return Settings.model_validate({"auth": {"mode": "off"}, "plants": PLANTS.model_dump(), **sections})


def visitor(principal: Principal = ANYONE, *, plant: str | None = None, live: Live | None = None) -> Visitor:
    """Somebody who looks at pages in English."""
    known = {"munich", "lyon"} if live is None else live.plants()
    return Visitor(principal, Words("en", PLANTS), tuple(sorted(known)), plant, signed_in=True)


def operator(*plants: str) -> Principal:
    """An operator at some plants."""
    return Principal("key:op", frozenset({Role.OPERATOR}), frozenset(plants))
