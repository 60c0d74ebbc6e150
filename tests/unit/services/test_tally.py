"""The tally counts every photo and every answer exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from services.tally import Label, Ranking, Tally, auroc, damage_score, percentile
from shared.events import Check, ModelStamp, Timings, Verdict, now

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]) | st.floats(-10, 10), min_size=1, max_size=30)


def judged(image: str, score: float | None = 0.2, threshold: float = 0.5, version: str = "v1") -> Verdict:
    """A verdict on `image`; without a score, the part was not found."""
    if score is None:
        checks = (Check(name="presence", result="fail", score=0.1, threshold=0.5),)
    else:
        checks = (
            Check(name="damage", result="fail" if score >= threshold else "pass", score=score, threshold=threshold),
        )
    stamp = ModelStamp(version="", digest="0" * 64, kind="padim", arm="champion", assignment="*/*/*/*/*", revision=1)
    return Verdict(
        part="p-1",
        plant="munich",
        line="line-1",
        captured=now(),
        image=image,
        decision="fail" if checks[0].result == "fail" else "pass",
        checks=checks,
        model=None if score is None else stamp.model_copy(update={"version": version}),
        timings=Timings(),
    )


def test_one_verdict_per_photo_is_complete() -> None:
    """Two photos and two verdicts balance."""
    tally = Tally()
    for image, score in (("a", 0.2), ("b", 0.9)):
        tally.sent(image, at=1.0)
        tally.verdict(judged(image, score), at=1.5)
    summary = tally.summary()
    assert summary.complete
    assert (summary.photos, summary.verdicts, summary.passed, summary.failed) == (2, 2, 1, 1)
    assert summary.p50 == summary.p99 == 0.5
    assert summary.rankings == ()


def test_a_missing_verdict_is_named() -> None:
    """A photo without an answer is missing, by id, and the run is not complete."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.sent("b", at=0.0)
    tally.verdict(judged("b"), at=1.0)
    assert tally.missing() == ["a"]
    assert tally.verdicts().keys() == {"b"}
    assert (tally.latency("a"), tally.latency("b")) == (None, 1.0)
    assert tally.outstanding == tally.summary().missing == 1
    assert not tally.summary().complete


def test_a_second_verdict_is_a_duplicate() -> None:
    """The second answer to one photo counts as a duplicate and not as another verdict; the first one stands."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.verdict(judged("a", 0.1), at=1.0)
    tally.verdict(judged("a", 0.9), at=9.0)
    summary = tally.summary()
    assert (summary.verdicts, summary.duplicates, summary.passed, summary.failed) == (1, 1, 1, 0)
    assert summary.p99 == 1.0
    assert not summary.complete


def test_a_dead_letter_answers_a_photo() -> None:
    """A photo set aside is accounted for with its reason; beside a verdict it is a duplicate."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.dead_letter("a", "not a picture")
    assert tally.summary().complete
    assert tally.summary().dead_letters == 1
    assert tally.reasons() == {"a": "not a picture"}
    tally.verdict(judged("a"), at=1.0)
    assert tally.summary().duplicates == 1


def test_other_senders_answers_are_ignored() -> None:
    """Verdicts and dead letters on photos this run did not send do not count."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.verdict(judged("z"), at=1.0)
    tally.dead_letter("y", "broken")
    summary = tally.summary()
    assert (summary.verdicts, summary.dead_letters, summary.duplicates, summary.missing) == (0, 0, 0, 1)


def test_a_refused_photo_is_not_missing_but_spoils_the_run() -> None:
    """What Kafka did not accept cannot be answered, yet it did not get its verdict either."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.refused("a")
    summary = tally.summary()
    assert (summary.photos, summary.refused, summary.missing) == (0, 1, 0)
    assert not summary.complete


def test_a_refused_photo_with_an_answer_was_accepted_after_all() -> None:
    """A lost acknowledgement is not a lost photo."""
    tally = Tally()
    tally.sent("a", at=0.0)
    tally.refused("a")
    tally.verdict(judged("a"), at=1.0)
    assert (tally.summary().photos, tally.summary().refused) == (1, 0)
    assert tally.summary().complete


def test_sending_an_id_twice_is_an_error() -> None:
    """An account with the same id twice would count nothing."""
    tally = Tally()
    tally.sent("a", at=0.0)
    with pytest.raises(ValueError, match="twice"):
        tally.sent("a", at=1.0)


def test_auroc_uses_raw_scores_of_labelled_photos() -> None:
    """Unlabelled photos and photos without a score stay out of the AUROC, and the counts say how many are in."""
    tally = Tally()
    plan: list[tuple[str, Label | None, float | None]] = [
        ("g1", "good", 0.1),
        ("g2", "good", 0.4),
        ("b1", "bad", 0.4),
        ("b2", "bad", None),
        ("u", None, 9.0),
    ]
    for image, label, score in plan:
        tally.sent(image, at=0.0, label=label)
        tally.verdict(judged(image, score), at=1.0)
    assert tally.summary().rankings == (Ranking("v1", 0.75, good=2, bad=1),)


def test_models_are_ranked_apart() -> None:
    """Scores of two versions share no scale: each has its own AUROC."""
    tally = Tally()
    plan: list[tuple[str, Label, float, str]] = [
        ("g1", "good", 1.0, "v1"),
        ("b1", "bad", 2.0, "v1"),
        ("g2", "good", 100.0, "v2"),
        ("b2", "bad", 200.0, "v2"),
        ("g3", "good", 5.0, "v3"),
    ]
    for image, label, score, version in plan:
        tally.sent(image, at=0.0, label=label)
        tally.verdict(judged(image, score, version=version), at=1.0)
    assert [(ranking.version, ranking.auroc) for ranking in tally.summary().rankings] == [
        ("v1", 1.0),
        ("v2", 1.0),
        ("v3", None),
    ]


def test_a_verdict_without_damage_check_has_no_score() -> None:
    """No part found means no damage score, not a score of zero."""
    assert damage_score(judged("a", None)) is None
    assert damage_score(judged("a", 0.3)) == 0.3


@given(good=SCORES, bad=SCORES)
def test_auroc_agrees_with_scikit_learn(good: list[float], bad: list[float]) -> None:
    """The rank formula equals the area under the ROC curve, ties included."""
    labels = [0] * len(good) + [1] * len(bad)
    assert auroc(good, bad) == pytest.approx(roc_auc_score(labels, good + bad))


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=200), percent=st.floats(0.1, 100))
def test_percentile_is_the_nearest_rank(values: list[float], percent: float) -> None:
    """At least `percent` % of the values do not exceed it, and no smaller value of the list has that property."""
    result = percentile(values, percent)
    assert result in values
    assert result is not None
    enough = len(values) * percent / 100 - 1e-9
    assert sum(value <= result for value in values) >= enough
    assert sum(value < result for value in values) < enough + 2e-9


def test_percentile_of_nothing_is_none() -> None:
    """No latencies, no percentile."""
    assert percentile([], 50) is None


@given(answers=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), photos=st.integers(1, 6))
def test_the_account_balances(answers: list[tuple[int, bool]], photos: int) -> None:
    """Whatever arrives: every photo is answered or missing, and answers = answered photos + duplicates."""
    tally = Tally()
    for index in range(photos):
        tally.sent(str(index), at=0.0)
    for index, dead in answers:
        if dead:
            tally.dead_letter(str(index), "why")
        else:
            tally.verdict(judged(str(index)), at=1.0)
    ours = [index for index, _ in answers if index < photos]
    summary = tally.summary()
    assert summary.missing == photos - len(set(ours))
    assert summary.duplicates == len(ours) - len(set(ours))
    assert summary.passed + summary.failed == summary.verdicts
