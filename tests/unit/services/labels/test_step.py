"""Feedback meets its verdict."""

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from services.labels.index import Known, VerdictIndex
from services.labels.metrics import LabelMetrics
from services.labels.step import LabelStep
from shared.bus.envelope import EnvelopeRejected, decode, encode
from shared.bus.record import Record
from shared.bus.step import DeadLetter, Emit, Retry
from shared.events import Event, Feedback, Judged, LabelledPart, derived_event_id
from tests.unit.conformance import StepConformance
from tests.unit.services.events import CAPTURED
from tests.unit.services.labels.parts import STAMP, feedback, verdict


class Recent:
    """An index that is filled by hand."""

    def __init__(self, *, current: bool = True) -> None:
        self.index = VerdictIndex(100)
        self.current = current
        self.late: list[str] = []
        """Verdicts that a catching up finds."""

    def find(self, plant: str, image: str) -> Known | None:
        """As the step asks."""
        return self.index.find(plant, image)

    def catch_up(self) -> bool:
        """Likewise."""
        for name in self.late:
            self.index.put(verdict(name))
        return self.current


def step_on(recent: Recent) -> LabelStep:
    """The step under test."""
    return LabelStep(recent, metrics=LabelMetrics(), remembers="the latest 100 verdicts of 168 h")


@pytest.fixture
def recent() -> Recent:
    """Photos 1 to 4 are judged: 4 passed."""
    recent = Recent()
    for name in "123":
        recent.index.put(verdict(name))
    recent.index.put(verdict("4", score=1.0))
    return recent


class TestLabelStep(StepConformance):
    """With verdicts from the sender and from the index."""

    @pytest.fixture
    def step(self, recent: Recent) -> LabelStep:
        """On an index that knows four verdicts."""
        return step_on(recent)

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """One with its verdict, two without."""
        brought = feedback("77", "missed_damage", judged=Judged.of(verdict("77", score=1.0)))
        return [feedback("1"), brought, feedback("4", "confirmed_good")]

    @pytest.fixture
    def bad_event(self) -> Event:
        """Nobody ever judged that."""
        return feedback("5")


def test_the_label_is_what_the_verdict_and_the_finding_say(recent: Recent) -> None:
    """Address, time and score are the verdict's; id and time follow from the feedback, so a replay makes it again."""
    said = feedback("1")
    (result,) = step_on(recent)([said])
    assert isinstance(result, Emit)
    (label,) = result.events
    assert isinstance(label, LabelledPart)
    assert (label.id, label.feedback, label.time) == (derived_event_id(said.id, "label"), said.id, said.time)
    assert (label.label, label.finding, label.by, label.note) == ("good", "false_alarm", "key:1", "film")
    assert (label.station, label.layout, label.captured) == ("st-40", "us", CAPTURED)
    assert label.record_key == "munich/photo-1"
    assert label.judged == Judged.of(verdict("1"))
    assert label.judged.model is not None
    model = label.judged.model
    assert (model.version, model.digest, model.score, model.threshold) == ("us-1", STAMP.digest, 3.0, 2.0)


def test_a_verdict_that_just_came_is_found(recent: Recent) -> None:
    """It is not in the index yet when the feedback is here: the step waits for the index, not for luck."""
    recent.late = ["9"]
    results = step_on(recent)([feedback("9"), feedback("8"), feedback("1")])
    assert [type(result) for result in results] == [Emit, DeadLetter, Emit]


def test_an_index_that_is_behind_makes_it_wait() -> None:
    """Never a dead letter while the verdict may be there unread; what needs no look-up goes on."""
    brought = feedback("77", judged=Judged.of(verdict("77")))
    results = step_on(Recent(current=False))([feedback("1"), brought])
    assert [type(result) for result in results] == [Retry, Emit]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (feedback("5"), "among the latest 100 verdicts of 168 h"),
        (feedback("1", plant="puebla"), "no verdict on photo photo-1 at plant puebla"),
        (feedback("1", part="other"), "about part other, the photo's verdict about part P1"),
        (feedback("1", line="line-2"), "from munich/line-2/any/any/stationary"),
        (feedback("1", station="st-41"), "from munich/line-1/st-41/any/stationary"),
        (feedback("1", layout="eu"), "the photo's verdict from munich/line-1/st-40/us/stationary"),
        (feedback("1", camera="mobile"), "from munich/line-1/any/any/mobile"),
        (feedback("1", "missed_damage"), "is about a part that passed, and this one failed"),
        (feedback("4", "false_alarm"), "is about a part that failed, and this one passed"),
        (feedback("1", judged=Judged.of(verdict("1")), line="line-9"), "does not cover the feedback's place"),
    ],
)
def test_what_fits_no_verdict_is_set_aside(recent: Recent, said: Feedback, told: str) -> None:
    """One line that says what is wrong and what to do."""
    (result,) = step_on(recent)([said])
    assert isinstance(result, DeadLetter)
    assert told in result.reason
    assert "send" in result.reason


def test_a_photo_without_a_label_makes_a_label_without_a_score(recent: Recent) -> None:
    """No part was found, and a person says there was a good one: kept, for whoever collects parts."""
    recent.index.put(verdict("6", model=None, score=3.0))
    (result,) = step_on(recent)([feedback("6")])
    assert isinstance(result, Emit)
    assert isinstance(result.events[0], LabelledPart)
    assert result.events[0].judged == Judged(decision="fail")


def test_a_shadow_never_counts() -> None:
    """Not as what a sender brings, and not in the index."""
    shadow = verdict("1", model=STAMP.model_copy(update={"arm": "shadow"}))
    with pytest.raises(ValueError, match="shadow"):
        VerdictIndex(1).put(shadow)
    good = Judged.of(verdict("1")).model_dump(mode="json")
    with pytest.raises(ValidationError):
        Judged.model_validate({**good, "model": {**good["model"], "arm": "shadow"}})


def test_a_finding_that_contradicts_what_it_brings_is_no_event() -> None:
    """The envelope refuses it with the reason."""
    sent = encode(feedback("1", judged=Judged.of(verdict("1"))))
    assert sent.value is not None
    wrong = sent.value.replace(b"false_alarm", b"missed_damage")
    with pytest.raises(EnvelopeRejected, match="about a part that passed, and this one failed"):
        decode(Record(sent.topic, 0, 0, 0, sent.key, wrong, sent.headers), [Feedback])
    with pytest.raises(ValidationError, match="reaches the threshold cannot have passed"):
        Judged.model_validate({"decision": "pass", "model": Judged.of(verdict("1")).model_dump()["model"]})
