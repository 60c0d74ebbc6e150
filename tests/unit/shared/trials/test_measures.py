"""The measures of a trial: silent where nothing changed, loud where something did, and indifferent to what is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from shared.registry.guard import Guard
from shared.trials.measures.compare import compare
from shared.trials.measures.disagreement import disagreement
from shared.trials.measures.evidence import Evidence
from shared.trials.measures.kolmogorov import distance_chance, largest_distance
from shared.trials.measures.latency import latency_ratio, quantile_at_least
from shared.trials.measures.measure import Measure
from shared.trials.measures.peeking import surer
from shared.trials.measures.positions import Positions, position, positions
from shared.trials.measures.reject_rise import reject_rise
from shared.trials.measures.stability import stability_chance, stability_index
from tests.unit.shared.trials.evidences import evidence, record, sample

GUARD = Guard()
unit = st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array)


def by_name(measures: tuple[Measure, ...]) -> dict[str, Measure]:
    """The measures, to be asked by name."""
    return {measure.name: measure for measure in measures}


def both(random: np.random.Generator, parts: int, *, trial_rate: float, champion_rate: float, paired: bool) -> Evidence:
    """Two versions that reject at random."""
    return evidence(
        sample(random.random(parts) < trial_rate), sample(random.random(parts) < champion_rate), paired=paired
    )


@pytest.mark.parametrize("paired", [False, True])
def test_a_real_rise_is_found_and_the_way_is_told(paired: bool) -> None:
    """30 % rejected beside 3 %: on the same parts, and on different ones."""
    found = reject_rise(both(np.random.default_rng(0), 100, trial_rate=0.3, champion_rate=0.03, paired=paired), GUARD)
    assert found.breach
    assert found.held is not None
    assert found.value is not None
    assert 0.05 < found.held < found.value
    assert ("Tango" in found.told) is paired
    assert ("Newcombe" in found.told) is not paired


def test_fewer_rejects_are_no_breach_of_the_reject_rate() -> None:
    """But a trial that passes what the champion rejects is found by their disagreement."""
    seen = both(np.random.default_rng(0), 200, trial_rate=0.0, champion_rate=0.4, paired=True)
    assert not reject_rise(seen, GUARD).breach
    assert disagreement(seen, GUARD).breach


@pytest.mark.parametrize("short", ["trial", "champion", "pairs"])
def test_nothing_is_decided_on_too_few(short: str) -> None:
    """49 parts of 50, however bad they are; the reason is told."""
    random = np.random.default_rng(0)
    few, many = 49, 500
    trial, champion = (few, many) if short == "trial" else (many, few)

    def opinions(count: int, *, bad: bool) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        return np.full(count, bad), random.random(count) + bad * 9, np.full(count, 1.0 + 99.0 * bad)

    if short == "pairs":
        seen = evidence(sample(*opinions(few, bad=True)), sample(*opinions(few, bad=False)), paired=True)
    else:
        seen = evidence(sample(*opinions(trial, bad=True)), sample(*opinions(champion, bad=False)))
    good = random.random(100)
    measures = compare(seen, GUARD, trial=record("v3", good), champion=record("v2", good))
    assert not any(measure.breach or measure.decided for measure in measures)
    assert all("are needed" in measure.told for measure in measures)


def test_a_limit_of_none_is_not_looked_at() -> None:
    """Even where all is as bad as can be."""
    blind = Guard(max_reject_rise=None, max_disagreement=None, max_psi=None, max_ks=None, max_latency_ratio=None)
    bad = sample(np.ones(200, np.bool_), np.full(200, 9.0), np.full(200, 900.0))
    good = sample(np.zeros(200, np.bool_), np.full(200, 0.5), np.full(200, 1.0))
    scores = np.random.default_rng(0).random(100)
    for measure in compare(
        evidence(bad, good, paired=True), blind, trial=record("v3", scores), champion=record("v2", scores)
    ):
        assert not measure.breach
        assert measure.limit is None


def test_models_on_other_scales_are_compared_by_position() -> None:
    """PatchCore's distances beside PaDiM's: the same parts, no shift; and a shift of one is seen."""
    random = np.random.default_rng(3)
    held, live = random.gamma(4, size=200), random.gamma(4, size=400)

    def rescaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return 100 + 40 * np.log1p(scores)

    none = np.zeros(400, np.bool_)
    trial, champion = record("v3", rescaled(held)), record("v2", held)
    alike = by_name(
        compare(evidence(sample(none, rescaled(live)), sample(none, live)), GUARD, trial=trial, champion=champion)
    )
    assert alike["psi"].value == pytest.approx(0, abs=0.02)
    assert alike["ks"].value == pytest.approx(0, abs=0.02)
    shifted = by_name(
        compare(evidence(sample(none, rescaled(live * 2)), sample(none, live)), GUARD, trial=trial, champion=champion)
    )
    assert shifted["psi"].breach
    assert shifted["ks"].breach


@pytest.mark.parametrize("which", ["trial", "champion"])
def test_a_version_without_held_out_scores_is_skipped_by_name(which: str) -> None:
    """Older bundles; the other measures go on."""
    random = np.random.default_rng(0)
    fails = random.random(100) < 0.02
    seen = evidence(sample(fails, random.random(100)), sample(fails, random.random(100)), paired=True)
    good = random.random(50)
    trial = record("v3", None if which == "trial" else good)
    champion = record("v2", None if which == "champion" else good)
    measures = by_name(compare(seen, GUARD, trial=trial, champion=champion))
    name = "v3" if which == "trial" else "v2"
    assert measures["psi"].told == f"skipped: {name} has no held-out good scores to compare with"
    assert measures["ks"].told == measures["psi"].told
    assert measures["reject_rise"].decided


@given(unit, unit)
def test_distances_are_distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """None to itself, the same in both directions, indifferent to order, within bounds."""
    for distance in (stability_index, largest_distance):
        assert distance(first, first) == pytest.approx(0)
        assert distance(first, second) >= 0
        assert distance(first, second) == pytest.approx(distance(second, first))
        assert distance(first[::-1], second) == pytest.approx(distance(first, second))
    assert largest_distance(first, second) <= 1


@given(st.lists(st.integers(-5000, 5000), min_size=2, max_size=101, unique=True), unit, st.integers(-9, 9))
def test_positions_do_not_depend_on_the_scale(good: list[int], live: NDArray[np.float64], shift: int) -> None:
    """Any rising line between two scales leaves them; they are in order, and 1 beyond the worst good part."""
    held = np.sort(np.array(good)) / 100
    scores = held[0] + (held[-1] - held[0]) * live
    told = position(scores, tuple(held))
    assert np.all((told >= 0) & (told <= 1))
    assert np.all(np.diff(position(np.sort(scores), tuple(held))) >= 0)
    assert position(held[-1:] + 1, tuple(held)) == 1
    assert position(scores * 3.7 + shift, tuple(held * 3.7 + shift)) == pytest.approx(told, abs=1e-6)


def test_equal_held_out_scores_share_their_place() -> None:
    """Half of the good parts score 1: who scores 1 lies in their middle."""
    assert position(np.array([1.0]), (1.0, 1.0, 1.0, 2.0, 3.0)) == pytest.approx([0.25])
    assert isinstance(positions(np.array([1.0]), record("v3", np.ones(20))), str)
    assert isinstance(positions(np.array([1.0]), None), str)


@pytest.mark.parametrize("references", [(1000, 1000), (50, 50), (20, 200)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_where_nothing_shifted_chance_is_told_as_it_is(references: tuple[int, int], confidence: float) -> None:
    """Few held-out parts make positions unsure: that is part of the chance, or every trial would seem shifted."""
    random = np.random.default_rng(4)
    runs, sizes = 400, (60, 240)
    false = {"psi": 0, "ks": 0}
    for _ in range(runs):
        told = []
        for parts, held in zip(sizes, references, strict=True):
            found = positions(random.normal(size=parts), record("v", random.normal(size=held)))
            assert isinstance(found, Positions)
            assert found.reference_parts == held
            told.append(found.values)
        false["psi"] += stability_chance(stability_index(told[0], told[1]), *sizes, *references) < 1 - confidence
        false["ks"] += distance_chance(largest_distance(told[0], told[1]), *sizes, *references) < 1 - confidence
    allowed = (1 - confidence) + 3 * np.sqrt((1 - confidence) / runs)
    assert false["psi"] / runs <= allowed
    assert false["ks"] / runs <= allowed


def test_over_a_whole_trial_in_which_nothing_changed_the_judge_is_silent() -> None:
    """It looks again and again. 3 % of trials are disturbed (docs/judge.md); three sigma are allowed for."""
    random = np.random.default_rng(5)
    disturbed = 0
    for _ in range(80):
        versions = [record(name, random.gamma(4, size=100)) for name in ("v3", "v2")]
        scores = random.gamma(4, size=(2, 500))
        fails = random.random((2, 500)) < 0.02
        times = random.lognormal(1.5, 0.4, size=(2, 500))
        for parts in range(50, 500, 25):
            trial, champion = (sample(fails[i, :parts], scores[i, :parts], times[i, :parts]) for i in (0, 1))
            seen = evidence(trial, champion, paired=True)
            if any(measure.breach for measure in compare(seen, GUARD, trial=versions[0], champion=versions[1])):
                disturbed += 1
                break
    assert disturbed / 80 <= 0.03 + 3 * np.sqrt(0.03 / 80)


def test_one_slow_part_is_no_slow_model() -> None:
    """A pause of the machine; but a model that is slow on one part in ten is slow."""
    usual = np.full(200, 10.0)
    paused, slow = usual.copy(), usual.copy()
    paused[7] = 5000.0
    slow[::10] = 100.0
    fine = np.zeros(200, np.bool_)
    for times, breach in ((usual, False), (paused, False), (slow, True)):
        found = latency_ratio(evidence(sample(fine, model_ms=times), sample(fine, model_ms=usual)), GUARD)
        assert found.breach is breach
        assert found.held is not None


def test_verdicts_without_a_models_time_are_no_measure_of_it() -> None:
    """Older score workers do not tell it; and 0 ms are no time."""
    fine = np.zeros(200, np.bool_)
    assert "timed: 0 parts" in latency_ratio(evidence(sample(fine), sample(fine)), GUARD).told
    zero = sample(fine, model_ms=np.zeros(200))
    assert not latency_ratio(evidence(zero, zero), GUARD).decided


@pytest.mark.parametrize("parts", [50, 200, 1000])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_a_quantile_is_bounded_as_surely_as_is_said(parts: int, confidence: float) -> None:
    """Whatever the distribution: of ranks alone, so it can be summed exactly."""
    times = np.arange(1, parts + 1, dtype=np.float64)
    rank = int(quantile_at_least(times[::-1], 0.99, confidence))
    assert binom.sf(rank - 1, parts, 0.99) >= confidence
    assert rank == parts or binom.sf(rank, parts, 0.99) < confidence


@given(st.lists(st.floats(0.1, 1e4), min_size=50, max_size=80), st.floats(0.1, 10))
def test_a_ratio_of_times_has_no_unit(times: list[float], factor: float) -> None:
    """Milliseconds or seconds."""
    trial, champion = np.array(times), np.array(times[::-1]) + 1
    fine = np.zeros(len(times), np.bool_)
    first = latency_ratio(evidence(sample(fine, model_ms=trial), sample(fine, model_ms=champion)), GUARD)
    other = latency_ratio(
        evidence(sample(fine, model_ms=trial * factor), sample(fine, model_ms=champion * factor)), GUARD
    )
    assert first.held == pytest.approx(other.held)


def test_the_more_parts_the_surer() -> None:
    """At the fewest parts it is the guard's own confidence."""
    assert surer(GUARD, 0).confidence == pytest.approx(0.99)
    assert surer(GUARD, 50).confidence == pytest.approx(0.99)
    assert surer(GUARD, 500).confidence == pytest.approx(0.999)
    assert surer(GUARD, 1_000_000).confidence < 1
