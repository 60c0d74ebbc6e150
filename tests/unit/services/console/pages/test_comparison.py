"""A trial beside its champion: what the charts draw."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.live.trials import TrialBook
from services.console.pages.rollouts.comparison import BINS, Comparison, comparison, rate
from shared.bus.envelope import encode
from shared.bus.reader import Read
from shared.bus.record import Record
from shared.events import Verdict, now
from shared.registry.records import Assignment, Canary
from shared.registry.snapshot import Snapshot
from shared.trials.trial import trials_of
from tests.unit.services.console.pages.state import canary, snapshot, version
from tests.unit.shared.trials.evidences import evidence, sample
from tests.unit.shared.trials.opinions import opinion

KEY = "munich/*/*/*/*"


def state(trial: Canary | None = None, *, threshold: float = 2.0) -> Snapshot:
    """A canary v2 and a shadow v3 beside champion v1."""
    made = version("v2", "munich")
    assert made.calibration is not None
    made = made.model_copy(update={"calibration": made.calibration.model_copy(update={"threshold": threshold})})
    record = Assignment(champion="v1", canary=trial or canary("v2"), shadow="v3")
    return snapshot({"munich": record}, version("v1", "munich"), made)


def seen(
    trial_fails: list[bool], champion_fails: list[bool], scores: list[float], *, threshold: float = 2.0
) -> Comparison:
    """What is seen of the canary."""
    registry = state(threshold=threshold)
    standing = trials_of(registry.assignments[KEY], KEY)[0]
    both = evidence(
        sample(np.array(trial_fails, np.bool_), np.array(scores), np.array([4.0, 5.0, 100.0])),
        sample(np.array(champion_fails, np.bool_)),
        paired=True,
    )
    return comparison(standing, both, (), registry, stood_in=3)


def test_counts_and_agreement() -> None:
    """Of the parts that both saw."""
    told = seen([True, True, False, False, False], [True, False, True, False, False], [])
    agreement = told.agreement
    assert (agreement.both_fail, agreement.only_trial, agreement.only_champion, agreement.both_pass) == (1, 1, 1, 2)
    assert agreement.share == pytest.approx(3 / 5)
    assert told.trial.rate is not None
    assert (told.trial.rate.rejected, told.trial.rate.parts, told.trial.rate.value) == (2, 5, 0.4)
    assert told.trial.times is not None
    assert (told.trial.times.median, told.trial.times.p99) == (5, 100)
    assert told.champion.times is None
    assert told.stood_in == 3


def test_nothing_seen_yet() -> None:
    """No rate of no parts."""
    told = seen([], [], [])
    assert (told.trial.rate, told.trial.bins, told.agreement.share) == (None, (), None)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_every_score_is_in_a_bin_and_rejected_ones_in_the_upper_half(scores: list[float]) -> None:
    """One at the threshold is rejected."""
    told = seen([score >= 2.0 for score in scores], [False] * len(scores), scores)
    assert len(told.trial.bins) == BINS
    assert sum(told.trial.bins) == pytest.approx(1)
    assert told.trial.rate is not None
    assert sum(told.trial.bins[BINS // 2 :]) == pytest.approx(told.trial.rate.value)


def test_scores_without_a_positive_threshold_are_not_drawn() -> None:
    """There would be nothing to draw them against."""
    assert seen([True], [True], [1.0], threshold=0.0).trial.bins == ()


@given(st.integers(1, 500).flatmap(lambda parts: st.tuples(st.integers(0, parts), st.just(parts))))
def test_a_rate_lies_in_its_interval(counts: tuple[int, int]) -> None:
    """However few the parts."""
    told = rate(*counts)
    assert 0 <= told.low <= told.value <= told.high <= 1
    assert told.low < told.high


def read(event: Verdict) -> Read:
    """As a reader has it."""
    sent = encode(event)
    return Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers), event


def test_the_book_keeps_what_both_versions_thought() -> None:
    """Verdicts and shadow verdicts, each for its trial."""
    registry = state(Canary(version="v2", percent=20, since=now() - timedelta(minutes=5)))
    book = TrialBook(lambda: registry)
    at = now() - timedelta(minutes=1)
    for event in (
        opinion("a", "v1", "champion", key=KEY, at=at, fails=True),
        opinion("b", "v2", "canary", key=KEY, at=at),
        opinion("a", "v3", "shadow", key=KEY, at=at),
        opinion("c", "v1", "champion", key="oslo/*/*/*/*", at=at),
        opinion("d", "v2", "canary", key=KEY, at=now() - timedelta(minutes=9)),
    ):
        book.take(read(event))
    seen_now = book.look(registry, KEY)
    assert [(one[0].trial.arm, one[1].trial.parts, one[1].champion.parts, one[1].pairs) for one in seen_now] == [
        ("canary", 1, 1, 0),
        ("shadow", 1, 1, 1),
    ]
    assert {measure.name for measure in seen_now[0][2]} >= {"reject_rise", "disagreement"}
    assert book.look(registry, "oslo/*/*/*/*") == []


def test_the_book_waits_for_the_registry() -> None:
    """Without it nobody knows what is a trial."""
    known: list[Snapshot] = []
    book = TrialBook(lambda: known[0] if known else None)
    registry = state(Canary(version="v2", percent=20, since=now() - timedelta(minutes=5)))
    book.take(read(opinion("a", "v1", "champion", key=KEY, at=now())))
    known.append(registry)
    book.take(read(opinion("b", "v1", "champion", key=KEY, at=now())))
    assert book.look(registry, KEY)[0][1].champion.parts == 1
