"""Verdicts are made from crops and scores, purely."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.score import verdicts
from shared.events import Check, ModelStamp, PartAnomalyMap, PartCrop, ShadowVerdict, Timings, Verdict
from shared.images import decode
from shared.settings import ImageSettings

CAPTURED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = CAPTURED + timedelta(milliseconds=250)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def crop(*, found: bool = True) -> PartCrop:
    """A crop event; its pixels are never decoded here."""
    return PartCrop(
        part="P1",
        plant="munich",
        line="line-1",
        captured=CAPTURED,
        traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
        image="photo-1",
        presence=Check(name="presence", result="pass" if found else "fail", score=0.9 if found else 0.1, threshold=0.5),
        pixels=b"png" if found else None,
        mediatype="image/png" if found else None,
        policy="mask_rcnn",
        timings=Timings(crop=5.0),
    )


def stamp(arm: str = "champion") -> ModelStamp:
    """A stamp of a model."""
    return ModelStamp.model_validate(
        {
            "version": "v1",
            "digest": "0" * 64,
            "kind": "padim",
            "arm": arm,
            "assignment": "munich/*/*/*/*",
            "revision": 3,
        }
    )


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_at_or_above_the_threshold_fails(score: float, threshold: float) -> None:
    """The comparison is `score >= threshold`, on the raw score."""
    check = verdicts.damage_check(score, threshold)
    assert check.result == ("fail" if score >= threshold else "pass")
    assert (check.score, check.threshold) == (score, threshold)


def test_a_verdict_says_who_judged_what_and_how_long_it_took() -> None:
    """Everything needed to explain it later."""
    made = verdicts.verdict(crop(), verdicts.damage_check(2.0, 1.0), stamp(), Timings(score=7.0), clock=lambda: LATER)
    assert isinstance(made, Verdict)
    assert (made.decision, made.part, made.plant, made.image) == ("fail", "P1", "munich", "photo-1")
    assert [check.name for check in made.checks] == ["damage", "presence"]
    assert made.model == stamp()
    assert made.trace == TRACE
    assert made.timings.capture_to_verdict == 250.0


def test_the_same_photo_gives_the_same_verdict_id() -> None:
    """A replay can be recognised downstream."""
    ids = {
        verdicts.verdict(crop(), verdicts.damage_check(s, 1.0), stamp(), Timings(), clock=lambda: LATER).id
        for s in (0.0, 5.0)
    }
    assert len(ids) == 1


def test_a_shadow_publishes_beside_the_gate() -> None:
    """Its type and topic are others, and so is its id."""
    gate = verdicts.verdict(crop(), verdicts.damage_check(0, 1), stamp(), Timings(), clock=lambda: LATER)
    shadow = verdicts.verdict(crop(), verdicts.damage_check(0, 1), stamp("shadow"), Timings(), clock=lambda: LATER)
    assert isinstance(shadow, ShadowVerdict)
    assert shadow.TOPIC != gate.TOPIC
    assert shadow.id != gate.id


def test_no_label_found_fails_the_part_without_a_damage_score() -> None:
    """The presence check fails, damage is skipped, no model is named."""
    made = verdicts.not_found(crop(found=False), clock=lambda: LATER)
    assert made.decision == "fail"
    assert {check.name: check.result for check in made.checks} == {"damage": "skipped", "presence": "fail"}
    assert made.model is None


@pytest.mark.parametrize("flat", [False, True])
def test_a_map_can_be_read_back(flat: bool) -> None:
    """The formula low + v / 255 * (high - low) recovers the scores to within half a grey level."""
    scores = np.full((20, 30), 3.0, np.float32) if flat else np.linspace(-2, 9, 600, dtype=np.float32).reshape(20, 30)
    made = verdicts.anomaly_map(crop(), "v1", scores)
    assert isinstance(made, PartAnomalyMap)
    assert made.pixels is not None
    grey = decode(made.pixels, ImageSettings())[..., 0].astype(np.float64)
    recovered = made.low + grey / 255 * (made.high - made.low)
    assert np.abs(recovered - scores).max() <= (made.high - made.low) / 255 / 2 + 1e-6


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_peak_is_the_middle_of_the_highest_pixel(height: int, width: int, data: st.DataObject) -> None:
    """As shares of the crop, so that it fits a picture of any size."""
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    scores = np.zeros((height, width), np.float32)
    scores[row, column] = 3.0
    check = verdicts.damage_check(3.0, 2.0, scores)
    assert check.peak is not None
    assert (int(check.peak[0] * width), int(check.peak[1] * height)) == (column, row)
    assert verdicts.damage_check(3.0, 2.0).peak is None
