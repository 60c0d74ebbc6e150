"""Verdicts as the score worker publishes them, for tests of the judge."""

from datetime import UTC, datetime
from typing import Any, Literal

from shared.events import Check, Fallback, ModelStamp, ShadowVerdict, Timings, Verdict, decide

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def opinion(
    image: str,
    version: str,
    arm: Literal["champion", "canary", "shadow"],
    *,
    key: str = "munich/*/*/*/*",
    at: datetime = NOW,
    score: float | None = 1.0,
    fails: bool = False,
    model_ms: float | None = 5.0,
    stands_in_for: str | None = None,
    **more: Any,
) -> Verdict:
    """What `version` thought of a photo; a `ShadowVerdict` where it only looked on."""
    kind = ShadowVerdict if arm == "shadow" else Verdict
    fallback = None if stands_in_for is None else Fallback(assigned=stands_in_for, arm="canary", reason="not loaded")
    check = Check(name="damage", result="fail" if fails else "pass", score=score, threshold=2.0)
    stamp = ModelStamp(
        version=version, digest="a" * 64, kind="padim", arm=arm, assignment=key, revision=3, fallback=fallback
    )
    fields = {
        "time": at,
        "captured": at,
        "part": f"part-{image}",
        "plant": key.split("/", maxsplit=1)[0],
        "line": "line-1",
        "image": image,
    }
    return kind.model_validate(
        fields
        | {
            "checks": (check,),
            "decision": decide((check,)),
            "model": stamp,
            "timings": Timings(model=model_ms),
        }
        | more
    )
