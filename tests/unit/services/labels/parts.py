"""Verdicts and feedback for the tests of the labels worker."""

from typing import Any

from shared.events import Check, Feedback, ModelStamp, Timings, Verdict
from tests.unit.services.events import CAPTURED

STAMP = ModelStamp(
    version="us-1", digest="ab" * 32, kind="padim", arm="champion", assignment="munich/line-1/*/*/*", revision=3
)


def verdict(name: str = "1", *, score: float = 3.0, **more: Any) -> Verdict:
    """A verdict on a photo of plant munich, line-1, against a threshold of 2."""
    result = "fail" if score >= 2.0 else "pass"
    fields = {
        "id": f"verdict-{name}", "image": f"photo-{name}", "part": f"P{name}", "plant": "munich", "line": "line-1",
        "station": "st-40", "layout": "us", "captured": CAPTURED, "decision": result, "model": STAMP,
        "checks": (Check.model_validate({"name": "damage", "result": result, "score": score, "threshold": 2.0}),),
        "timings": Timings(),
    }  # fmt: skip
    return Verdict.model_validate(fields | more)


def feedback(name: str = "1", finding: str = "false_alarm", **more: Any) -> Feedback:
    """A word on that photo, by somebody who does not know station and layout."""
    fields = {
        "id": f"feedback-{name}", "image": f"photo-{name}", "part": f"P{name}", "plant": "munich", "line": "line-1",
        "captured": "2026-02-01T00:00:00Z", "finding": finding, "by": "key:1", "note": "film",
    }  # fmt: skip
    return Feedback.model_validate(fields | more)
