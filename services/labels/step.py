"""Feedback in, labelled part out. Pure but for the index of verdicts that it asks."""

from collections.abc import Sequence
from typing import Final, Protocol

from pydantic import ValidationError

from services.labels.index import Known
from services.labels.metrics import LabelMetrics
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.events import (
    UNSPECIFIED,
    Feedback,
    Judged,
    LabelledPart,
    Place,
    contradiction,
    derived_event_id,
    label_of,
)
from shared.registry.place_key import PlaceKey

SOURCE: Final = "/linegate/labels"
_AGAIN: Final = "say it again with `judged`, or correct it and send it as a new event"


class RecentVerdicts(Protocol):
    """Verdicts of the recent past."""

    def find(self, plant: str, image: str) -> Known | None:
        """The gating verdict on a photo; None where it is not known."""
        ...

    def catch_up(self) -> bool:
        """Whether every verdict that is committed now is known, perhaps after a moment's waiting."""
        ...


class LabelStep:
    """Joins feedback with the gating verdict it is about.

    Args:
        verdicts: where feedback without `judged` finds its verdict.
        metrics: counts the labels.
        remembers: how far `verdicts` goes back, in words.
    """

    def __init__(self, verdicts: RecentVerdicts, *, metrics: LabelMetrics, remembers: str) -> None:
        self._verdicts = verdicts
        self._metrics = metrics
        self._remembers = remembers

    def __call__(self, batch: Sequence[Feedback]) -> list[Result]:
        """One result per feedback, in order."""
        current = all(self._is_known(feedback) for feedback in batch) or self._verdicts.catch_up()
        return [self._result(feedback, current=current) for feedback in batch]

    def _is_known(self, feedback: Feedback) -> bool:
        return feedback.judged is not None or self._verdicts.find(feedback.plant, feedback.image) is not None

    def _result(self, feedback: Feedback, *, current: bool) -> Result:
        if feedback.judged is not None:
            return self._from_sender(feedback, feedback.judged)
        known = self._verdicts.find(feedback.plant, feedback.image)
        if known is not None:
            return self._from_index(feedback, known)
        if not current:
            return Retry("verdicts are still being read from Kafka, or it does not answer")
        return DeadLetter(
            f"no verdict on photo {feedback.image} at plant {feedback.plant} among {self._remembers}: if it is older, "
            "send the feedback with `judged`, or raise labels.read_back_h and replay this; otherwise correct the id"
        )

    def _from_sender(self, feedback: Feedback, judged: Judged) -> Result:
        if judged.model is not None and not _covers(judged.model.assignment, feedback.place):
            return DeadLetter(
                f"judged.assignment {judged.model.assignment} does not cover the feedback's place "
                f"{_told(feedback.place)}: correct one of the two and send it again"
            )
        return self._labelled(feedback, Known(feedback.part, feedback.place, feedback.captured, judged))

    def _from_index(self, feedback: Feedback, known: Known) -> Result:
        wrong = _elsewhere(feedback, known) or contradiction(feedback.finding, known.judged.decision)
        return self._labelled(feedback, known) if wrong is None else DeadLetter(f"{wrong}: {_AGAIN}")

    def _labelled(self, feedback: Feedback, known: Known) -> Emit:
        labelled = LabelledPart(
            **known.place.model_dump(),
            id=derived_event_id(feedback.id, "label"),
            source=SOURCE,
            time=feedback.time,
            traceparent=feedback.traceparent,
            part=known.part,
            captured=known.captured,
            image=feedback.image,
            label=label_of(feedback.finding),
            finding=feedback.finding,
            by=feedback.by,
            note=feedback.note,
            feedback=feedback.id,
            judged=known.judged,
        )
        self._metrics.labelled(labelled)
        return Emit((labelled,))


def _elsewhere(feedback: Feedback, known: Known) -> str | None:
    """How the part or the place of a feedback differs from its verdict's; None where they agree."""
    if feedback.part != known.part:
        return f"the feedback is about part {feedback.part}, the photo's verdict about part {known.part}"
    said, found = feedback.place, known.place
    alike = (
        (said.plant, said.line, said.camera) == (found.plant, found.line, found.camera)
        and said.station in (UNSPECIFIED, found.station)
        and said.layout in (UNSPECIFIED, found.layout)
    )
    return None if alike else f"the feedback is from {_told(said)}, the photo's verdict from {_told(found)}"


def _covers(assignment: str, place: Place) -> bool:
    try:
        return PlaceKey.parse(assignment).matches(place)
    except ValidationError:
        return False


def _told(place: Place) -> str:
    return f"{place.plant}/{place.line}/{place.station}/{place.layout}/{place.camera}"
