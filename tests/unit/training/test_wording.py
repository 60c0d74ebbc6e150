"""Figures in plain words."""

import pytest

from training.calibrate import calibrate
from training.metrics import Confusion
from training.wording import expected_catches, expected_stops, per_thousand, rule_in_words, share_interval


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0, "0"), (0.0042, "4.2"), (0.004, "4"), (0.00996, "10"), (0.042, "42"), (1.0, "1000")]
)
def test_rates_as_counts_of_a_thousand(rate: float, text: str) -> None:
    """One decimal below ten, none above."""
    assert per_thousand(rate) == text


def test_expected_stops_reads_like_a_forecast() -> None:
    """150 good parts all below the threshold: 6.6 of 1000, up to 24."""
    made = calibrate([float(i) for i in range(150)], rule="manual", parameter=1000.0)
    assert expected_stops(made) == "Of 1000 good parts, expect 6.6 (0 to 24) to be stopped"


def test_expected_catches_needs_damaged_parts() -> None:
    """9 of 10 caught is said with its wide interval; nothing is said of none."""
    said = expected_catches(Confusion(caught=9, missed=1, stopped=0, passed=5))
    assert said == "Of 1000 damaged parts like those tested, expect 900 (555 to 997) to be caught"
    assert expected_catches(Confusion(caught=0, missed=0, stopped=0, passed=5)) is None
    assert share_interval(0, 0) is None


@pytest.mark.parametrize("rule", ["precision", "mean_sd", "gumbel", "quantile", "author", "manual"])
def test_every_rule_has_words(rule: str) -> None:
    """No rule is left without an explanation, and its number appears in it."""
    good, damaged = [float(i) for i in range(60)], [float(i) for i in range(50, 110)]
    number = 70.0 if rule == "manual" else None
    made = calibrate(good, damaged, rule=rule, parameter=number)  # type: ignore[arg-type]  # a rule's name
    words = rule_in_words(made)
    assert words
    assert "{" not in words
    assert made.parameter is None or rule == "manual" or f"{made.parameter:g}" in words
