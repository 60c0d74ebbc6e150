"""The indices of drift: order, size, few parts, and what the reference leaves out."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rollout.drift.reference import Reference, good_distances, passing_scores
from services.rollout.drift.shift import shift
from shared.models.card import Calibration, DataSummary
from shared.registry.records import VersionRecord
from shared.trials.measures.positions import Positions, positions
from tests.unit.services.rollout.drift.streams import THRESHOLD, normal, record

EVEN = Reference(tuple(float(v) for v in np.linspace(-2, 2, 101)), 500)
finite = st.floats(-1e6, 1e6)


@given(st.lists(finite, min_size=1, max_size=60), st.randoms(use_true_random=False), st.booleans())
def test_order_does_not_matter_and_everything_is_finite(live: list[float], random: Random, upwards: bool) -> None:
    """From one part on, whatever its value."""
    mixed = live.copy()
    random.shuffle(mixed)
    found = shift(np.array(live), EVEN, only_upwards=upwards)
    assert found == shift(np.array(mixed), EVEN, only_upwards=upwards)
    assert np.isfinite([found.psi, found.psi_chance, found.ks, found.ks_chance]).all()
    assert found.psi >= 0
    assert 0 <= found.ks <= 1


@given(st.integers(0, 50), st.lists(st.floats(0.05, 1), min_size=1, max_size=6), st.booleans())
def test_a_greater_rise_is_a_greater_distance(seed: int, steps: list[float], upwards: bool) -> None:
    """Parts that all score higher are never nearer to the held-out ones."""
    live = np.abs(np.random.default_rng(seed).normal(0, 1, 200))
    found = [shift(live + by, EVEN, only_upwards=upwards) for by in np.cumsum([0.0, *steps])]
    assert [one.ks for one in found] == sorted(one.ks for one in found)
    assert [one.ks_chance for one in found] == sorted((one.ks_chance for one in found), reverse=True)


def test_the_indices_are_those_of_the_textbook() -> None:
    """Half of the parts in the lowest decile, half in the highest."""
    live = np.array([-1.9] * 50 + [1.9] * 50)
    found = shift(live, EVEN)
    assert found.ks == pytest.approx(0.49, abs=0.02)
    shares = (np.array([50, 0, 0, 0, 0, 0, 0, 0, 0, 50]) + 0.5) / 105
    assert found.psi == pytest.approx(float(np.sum((shares - 0.1) * np.log(shares / 0.1))), rel=0.03)
    assert found.ks_chance < 1e-9


@pytest.mark.parametrize("by", [-1.0, 1.0])
def test_downwards_counts_only_where_it_is_asked_for(by: float) -> None:
    """A crop that is nearer to the training crops than held-out ones is no drift; a lower score may be."""
    live = np.array(normal(300, 0)) + by
    both, up = shift(live, EVEN), shift(live, EVEN, only_upwards=True)
    assert both.ks > 0.3
    assert both.psi > 0.5
    assert (up.ks > 0.3, up.psi > 0.5) == (by > 0, by > 0)


def test_few_held_out_parts_prove_less() -> None:
    """The same difference beside 20 and beside 500 held-out parts."""
    live = np.array(normal(300, 0, at=0.6))
    few, many = (shift(live, Reference(EVEN.values, parts)) for parts in (20, 500))
    assert (few.psi, few.ks) == (many.psi, many.ks)
    assert few.ks_chance > 0.01
    assert many.ks_chance < 1e-6
    assert few.psi_chance > 0.01
    assert many.psi_chance < 1e-3


def test_scores_are_held_to_those_that_would_pass() -> None:
    """A threshold in the middle of the good parts cuts both sides alike."""
    made = record(held_out=1000)
    assert made.calibration is not None
    cut = made.model_copy(update={"calibration": made.calibration.model_copy(update={"threshold": 0.0})})
    reference = passing_scores(cut)
    assert isinstance(reference, Reference)
    assert max(reference.values) < 0
    assert reference.parts == pytest.approx(500, abs=40)
    live = np.array(normal(4000, 0))
    assert shift(live[live < 0], reference).ks < 0.06
    whole = passing_scores(made)
    assert isinstance(whole, Reference)
    assert shift(live[live < 0], whole).ks > 0.4


def test_labels_of_operators_are_no_held_out_parts() -> None:
    """A version recalibrated by feedback counts its labels; what is compared are still the parts held out before."""
    made = record(held_out=40)
    assert made.calibration is not None
    update = {"rule": "feedback", "good_parts": 5000}
    again = made.model_copy(update={"calibration": made.calibration.model_copy(update=update)})
    data = DataSummary(
        name="d",
        digest="d" * 64,
        train_good=9,
        calibration_good=150,
        calibration_damaged=0,
        test_good=0,
        test_damaged=0,
    )
    for reference, parts in ((good_distances(made), 40), (good_distances(again), 40)):
        assert isinstance(reference, Reference)
        assert reference.parts == parts
    known = good_distances(again.model_copy(update={"data": data}))
    assert isinstance(known, Reference)
    assert known.parts == 150
    told = positions(np.zeros(3), again.model_copy(update={"data": data}))
    assert isinstance(told, Positions)
    assert told.reference_parts == 150, "the judge counts likewise"


def test_a_version_without_held_out_parts_says_so() -> None:
    """Older versions, and copies of one photo."""
    bare = VersionRecord(version="v0", digest="a" * 64, kind="padim")
    alike = Calibration(rule="manual", threshold=THRESHOLD, good_parts=9, damaged_parts=0, good_scores=(1.0,) * 9)
    for version in (None, bare, bare.model_copy(update={"calibration": alike, "good_distances": (1.0,) * 9})):
        assert isinstance(passing_scores(version), str)
        assert isinstance(good_distances(version), str)
