"""Confidence bounds of shares: by the letter of their papers, and right as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from shared.trials.measures.proportions import paired_rise_at_least, rise_at_least, share_at_least

counts = st.integers(10, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.9, 0.95, 0.99, 0.999])
RUNS = 3000


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_a_share_is_never_bounded_too_high_more_often_than_allowed(share: float, confidence: float) -> None:
    """Clopper and Pearson promise it for every share and size: summed over all outcomes, no simulation."""
    parts = 60
    chance = sum(
        binom.pmf(hits, parts, share) for hits in range(parts + 1) if share_at_least(hits, parts, confidence) > share
    )
    assert chance <= 1 - confidence + 1e-12


def test_newcombes_own_example() -> None:
    """Newcombe 1998, table II (a), method 10: 56/70 beside 48/80 is 0.0524 at the lower end of 95 %."""
    assert rise_at_least((56, 70), (48, 80), 0.975) == pytest.approx(0.0524, abs=5e-5)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(24, 80), confidences)
def test_tangos_bound_solves_his_equation(only_trial: int, only_champion: int, parts: int, confidence: float) -> None:
    """The score statistic at the bound is the normal quantile, with the spread by brute-force likelihood."""
    bound = paired_rise_at_least(only_trial, only_champion, parts, confidence)
    assert -1 < bound < (only_trial - only_champion) / parts

    def against(share: float) -> float:
        # Log-likelihood of the three kinds of parts where the difference is `bound`.
        logs = 0.0
        for seen, likely in (
            (only_trial, share + bound), (only_champion, share),
            (parts - only_trial - only_champion, 1 - 2 * share - bound),
        ):  # fmt: skip
            logs += seen * np.log(max(likely, 1e-300))
        return -float(logs)

    low, high = max(0.0, -bound), (1 - bound) / 2
    share = float(minimize_scalar(against, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x)
    spread = np.sqrt(parts * (2 * share + bound * (1 - bound)))
    statistic = (only_trial - only_champion - parts * bound) / spread
    assert statistic == pytest.approx(norm.ppf(confidence), abs=2e-3)


@pytest.mark.parametrize("parts", [(50, 50), (50, 200), (300, 1200)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_where_nothing_rose_different_parts_show_a_rise_as_seldom_as_they_say(
    parts: tuple[int, int], confidence: float
) -> None:
    """Newcombe's interval is an approximation: half as much again, and chance of the simulation, are allowed for."""
    random = np.random.default_rng(1)
    for share in (0.02, 0.1, 0.3):
        hits = zip(random.binomial(parts[0], share, RUNS), random.binomial(parts[1], share, RUNS), strict=True)
        known: dict[tuple[int, int], bool] = {}
        false = 0
        for trial, champion in hits:
            key = int(trial), int(champion)
            if key not in known:
                known[key] = rise_at_least((key[0], parts[0]), (key[1], parts[1]), confidence) > 0
            false += known[key]
        assert false / RUNS <= 1.5 * (1 - confidence) + 3 * np.sqrt((1 - confidence) / RUNS)


@pytest.mark.parametrize("share", [0.01, 0.05])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_where_nothing_rose_the_same_parts_show_a_rise_as_seldom_as_they_say(share: float, confidence: float) -> None:
    """Tango's bound."""
    random = np.random.default_rng(2)
    for parts in (50, 300):
        drawn = random.multinomial(parts, [share, share, 1 - 2 * share], RUNS)
        known: dict[tuple[int, int], bool] = {}
        false = 0
        for only_trial, only_champion, _ in drawn:
            key = int(only_trial), int(only_champion)
            if key not in known:
                known[key] = paired_rise_at_least(*key, parts, confidence) > 0
            false += known[key]
        assert false / RUNS <= 1.2 * (1 - confidence) + 3 * np.sqrt((1 - confidence) / RUNS)


@given(counts, counts, confidences)
def test_a_bound_moves_as_it_must(trial: tuple[int, int], champion: tuple[int, int], confidence: float) -> None:
    """Below what was seen; lower where it must be surer; higher where the trial rejects one more."""
    bound = rise_at_least(trial, champion, confidence)
    assert -1 <= bound <= trial[0] / trial[1] - champion[0] / champion[1] + 1e-12
    assert rise_at_least(trial, champion, (1 + confidence) / 2) <= bound + 1e-12
    if trial[0] < trial[1]:
        assert rise_at_least((trial[0] + 1, trial[1]), champion, confidence) >= bound - 1e-12


@given(st.integers(0, 40), st.integers(0, 40), st.integers(80, 200), confidences)
def test_a_paired_bound_moves_as_it_must(only_trial: int, only_champion: int, parts: int, confidence: float) -> None:
    """Likewise; and where more agree, the difference is smaller."""
    bound = paired_rise_at_least(only_trial, only_champion, parts, confidence)
    assert bound < (only_trial - only_champion) / parts
    assert paired_rise_at_least(only_trial, only_champion, parts, (1 + confidence) / 2) <= bound + 1e-9
    assert paired_rise_at_least(only_trial + 1, only_champion, parts, confidence) >= bound - 1e-9
    assert paired_rise_at_least(only_trial, only_champion + 1, parts, confidence) <= bound + 1e-9


@pytest.mark.parametrize(("only_trial", "only_champion"), [(0, 0), (50, 0), (0, 50), (25, 25)])
def test_the_ends_are_bounds_too(only_trial: int, only_champion: int) -> None:
    """All parts agree, or none does."""
    bound = paired_rise_at_least(only_trial, only_champion, 50, 0.99)
    assert -1 <= bound < 1
    assert bound < (only_trial - only_champion) / 50 or bound == -1
