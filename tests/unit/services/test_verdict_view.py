"""What a person at a terminal sees of a verdict."""

import io

from rich.console import Console

from services.score import verdicts
from services.verdict_view import verdict_panel
from shared.events import Fallback, ModelStamp, Timings, Verdict
from tests.unit.services.events import CAPTURED, crop


def shown(verdict: Verdict) -> str:
    """The panel as text, on one line."""
    text = io.StringIO()
    Console(width=300, file=text).print(verdict_panel(verdict))
    return " ".join(text.getvalue().split())


def verdict(fallback: Fallback | None = None, skew: float | None = None) -> Verdict:
    """A passed part."""
    stamp = ModelStamp(
        version="us-7", digest="0" * 64, kind="padim", arm="champion", assignment="*", revision=1, fallback=fallback
    )
    timings = Timings(clock_skew=skew)
    return verdicts.verdict(crop(), verdicts.damage_check(0, 1), stamp, timings, clock=lambda: CAPTURED)


def test_another_version_than_the_assigned_one_is_said() -> None:
    """With the reason; nothing is said where all is well."""
    text = shown(verdict(Fallback(assigned="us-8", arm="champion", reason="the artifact is damaged")))
    assert "model us-7 (padim), champion by *, instead of us-8: the artifact is damaged" in text
    assert "instead" not in shown(verdict())


def test_a_clock_that_is_off_is_said_beside_the_latency() -> None:
    """Or people would believe the number."""
    assert "capture to verdict 0 ms (camera's clock off by 7200 s)" in shown(verdict(skew=7_200_000))
    assert "clock" not in shown(verdict())


def test_the_photo_is_named() -> None:
    """By the id that `linegate feedback` asks for."""
    assert f"photo {crop().image}" in shown(verdict())
