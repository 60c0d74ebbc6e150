"""The judge sees every kind of violation that is planted, and none where there is none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.history import Findings, Seen, Sent, judge, longest_stall

Story = tuple[dict[str, Sent], list[Seen], list[Seen]]


@st.composite
def clean_stories(draw: st.DrawFn) -> Story:
    """Photos of a few parts, each answered once, some after transactions that were aborted."""
    sent: dict[str, Sent] = {}
    committed: list[Seen] = []
    aborted: list[Seen] = []
    kinds = draw(st.lists(st.sampled_from(["good", "failing", "bad picture", "no id", "unknown plant"]), min_size=1))
    for number, kind in enumerate(kinds):
        id_ = f"photo-{number}"
        part = f"P{draw(st.integers(0, 3))}"
        good = kind in ("good", "failing")
        place = ("images", int(part[1]), number)
        sent[id_] = Sent(id_, kind, part, "verdict" if good else "dead_letter", place, at=float(number))
        own: list[Seen] = []
        if kind in ("good", "failing", "unknown plant"):
            own.append(Seen("crop", ("crops", 0, 3 * number), number + 0.3, id_))
        if good:
            failed = kind == "failing"
            own.append(Seen("verdict", ("verdicts", 0, 3 * number), number + 0.6, id_, failed=failed))
            own += [Seen("map", ("maps", 0, 3 * number), number + 0.6, id_)] if failed else []
        elif kind == "unknown plant":
            origin = ("crops", 0, 3 * number)
            own.append(Seen("dead_letter", ("crops.dlq", 0, 3 * number), number + 0.6, id_, origin))
        else:
            told = None if kind == "no id" else id_
            own.append(Seen("dead_letter", ("images.dlq", 0, 3 * number), number + 0.6, told, place))
        committed += own
        if draw(st.booleans()):
            aborted += [replace(s, place=(*s.place[:2], s.place[2] + 1)) for s in own]
    return sent, committed, [*committed, *aborted]


@given(clean_stories())
def test_a_clean_history_is_clean(story: Story) -> None:
    """Aborted records are not held against anybody."""
    assert not judge(*story), judge(*story)


@given(clean_stories(), st.data())
def test_a_missing_answer_is_a_loss(story: Story, data: st.DataObject) -> None:
    """Also where the answer was written and its transaction aborted."""
    sent, committed, uncommitted = story
    victim = data.draw(st.sampled_from([s for s in committed if s.kind in ("verdict", "dead_letter")]))
    left = [s for s in committed if s is not victim]
    findings = judge(sent, left, uncommitted)
    assert len(findings.lost) == 1
    assert not findings.duplicates


@given(clean_stories(), st.data())
def test_a_second_answer_is_a_duplicate(story: Story, data: st.DataObject) -> None:
    """The same again at another offset, or a dead letter beside a verdict."""
    sent, committed, uncommitted = story
    first = data.draw(st.sampled_from([s for s in committed if s.kind in ("verdict", "dead_letter")]))
    topic, partition, offset = first.place
    second = replace(first, place=(topic, partition, offset + 2))
    if first.kind == "verdict" and data.draw(st.booleans()):
        second = Seen("dead_letter", ("crops.dlq", 0, 9_000), first.at, first.image)
    findings = judge(sent, [*committed, second], [*uncommitted, second])
    assert len(findings.duplicates) == 1
    assert not findings.lost


@given(clean_stories(), st.data())
def test_strangers_are_told(story: Story, data: st.DataObject) -> None:
    """A record of no photo, or a dead letter whose id and origin contradict each other; committed or not."""
    sent, committed, uncommitted = story
    stranger = data.draw(
        st.sampled_from(
            [
                Seen("verdict", ("verdicts", 0, 9_000), 1.0, "photo-nobody-sent"),
                Seen("dead_letter", ("images.dlq", 0, 9_000), 1.0, None, ("images", 7, 7)),
                Seen("dead_letter", ("images.dlq", 0, 9_000), 1.0, "someone-else", sent["photo-0"].place),
            ]
        )
    )
    assert len(judge(sent, committed, [*uncommitted, stranger]).foreign) == 1
    findings = judge(sent, [*committed, stranger], [*uncommitted, stranger])
    assert findings.foreign
    assert not findings.lost


def _one(**changes: object) -> tuple[dict[str, Sent], Seen]:
    photo = Sent("photo-0", "good", "P1", "verdict", ("images", 0, 0), at=0.0)
    return {"photo-0": photo}, replace(Seen("verdict", ("verdicts", 0, 0), 1.0, "photo-0"), **changes)  # type: ignore[arg-type]


def _findings(sent: dict[str, Sent], *seen: Seen) -> Findings:
    return judge(sent, seen, seen)


def test_half_a_transaction_is_torn() -> None:
    """A failing verdict without its map; a map without a failing verdict."""
    sent, verdict = _one(failed=True)
    a_map = Seen("map", ("maps", 0, 0), 1.0, "photo-0")
    assert not _findings(sent, verdict, a_map)
    assert _findings(sent, verdict).torn == ["photo-0"]
    assert _findings(sent, replace(verdict, failed=False), a_map).torn == ["photo-0"]


def test_a_good_photo_with_a_dead_letter_is_misjudged() -> None:
    """It has exactly one answer, and the wrong one."""
    sent, verdict = _one(kind="dead_letter", origin=None)
    findings = _findings(sent, verdict)
    assert findings.misjudged == ["photo-0"]
    assert not findings.lost


def test_a_second_crop_is_seen_even_where_one_verdict_came_of_it() -> None:
    """The crop stage has to keep its own promise."""
    sent, verdict = _one()
    crops = [Seen("crop", ("crops", 0, offset), 0.5, "photo-0") for offset in (0, 2)]
    assert _findings(sent, *crops, verdict).doubled_crops == ["photo-0"]


def test_order_within_a_part() -> None:
    """The elder photo's verdict comes first; photos of other parts may pass."""
    sent = {
        f"photo-{n}": Sent(f"photo-{n}", "good", part, "verdict", ("images", 0, n), at=n)
        for n, part in enumerate(["A", "A", "B"])
    }
    verdicts = [Seen("verdict", ("verdicts", 0, n), 5.0 + n, f"photo-{n}") for n in range(3)]
    assert not _findings(sent, verdicts[2], verdicts[0], verdicts[1])
    assert _findings(sent, verdicts[1], verdicts[0], verdicts[2]).out_of_order == ["photo-0"]


def test_what_only_one_witness_saw_is_told() -> None:
    """A committed record must be there for who reads uncommitted, too."""
    sent, verdict = _one()
    assert judge(sent, [verdict], [replace(verdict, place=("verdicts", 0, 5))]).unwitnessed


@pytest.mark.parametrize(
    ("sent_at", "verdicts_at", "stall"),
    [
        ([], [], 0.0),
        ([0.0], [2.0], 2.0),
        # Nobody waits between 1 and 100: silence is no stall.
        ([0.0, 100.0], [1.0, 103.0], 3.0),
        # Somebody waits all the time, and every verdict is progress.
        ([0.0, 0.0, 0.0], [4.0, 5.0, 11.0], 6.0),
    ],
)
def test_the_longest_stall(sent_at: list[float], verdicts_at: list[float], stall: float) -> None:
    """Time without a verdict counts while photos wait."""
    sent = [Sent(f"p{n}", "good", "P", "verdict", ("images", 0, n), at) for n, at in enumerate(sent_at)]
    seen = [Seen("verdict", ("verdicts", 0, n), at, f"p{n}") for n, at in enumerate(verdicts_at)]
    assert longest_stall(sent, seen) == stall


def test_a_dead_letter_is_no_progress() -> None:
    """It ends the waiting of its own photo only."""
    sent = [Sent(f"p{n}", "any", "P", "verdict", ("images", 0, n), 0.0) for n in range(2)]
    letter = Seen("dead_letter", ("images.dlq", 0, 0), 3.0, "p0")
    verdict = Seen("verdict", ("verdicts", 0, 0), 9.0, "p1")
    assert longest_stall(sent, [letter, verdict]) == 9.0
