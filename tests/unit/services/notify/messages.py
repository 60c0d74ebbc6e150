"""Messages for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.alerts.records import Message
from shared.events import AlertChanged, Evidence
from shared.settings.plants import PlantsSettings

AT = datetime(2026, 11, 24, 13, 3, 11, tzinfo=UTC)
PLANTS = PlantsSettings.model_validate({"named": {"munich": {"title": "München", "zone": "Europe/Berlin"}}})


def evidence(number: int = 0, **more: Any) -> Evidence:
    """A failed part."""
    fields = {
        "image": f"i{number}", "part": f"p-{number}", "plant": "munich", "captured": AT - timedelta(minutes=number),
        "score": 3.1, "threshold": 2.0, "peak": (0.5, 0.5),
    }  # fmt: skip
    return Evidence.model_validate({**fields, **more})


def change(**more: Any) -> AlertChanged:
    """A step."""
    fields = {
        "alert": "a1", "key": "k", "subscription": "fails", "step": "fired", "state": "firing", "severity": "critical",
        "condition": "each_fail", "plant": "munich", "line": "line-1", "summary": "part p-0 failed", "count": 1,
        "since": AT, "time": AT, "by": "linegate", "evidence": (evidence(), evidence(1)),
    }  # fmt: skip
    return AlertChanged.model_validate({**fields, **more})


def a_message(of: AlertChanged | None = None, **more: Any) -> Message:
    """A message about a step."""
    fields = {
        "id": "5c0a1c1c-0000-5000-8000-000000000001", "subscription": "fails", "channel": "mail", "title": "Line 1",
        "created": AT, "change": of or change(),
    }  # fmt: skip
    return Message.model_validate({**fields, **more})
