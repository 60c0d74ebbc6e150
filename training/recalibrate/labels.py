"""The labelled parts that a version judged, from `linegate.labels`: the last word on each photo."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Finding, LabelledPart
from shared.registry.place_key import PlaceKey
from training.metrics import Bools, Floats

PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which labels count."""

    digest: str
    """sha256 of the bundle that judged."""
    key: PlaceKey
    since: datetime | None
    """When the finding was given, or later."""

    def __call__(self, label: LabelledPart) -> bool:
        """Whether `label` is one of them."""
        model = label.judged.model
        return (
            model is not None
            and model.digest == self.digest
            and self.key.matches(label.place)
            and (self.since is None or label.time >= self.since)
        )


@dataclass(frozen=True, slots=True)
class FieldLabels:
    """Scores and true labels of parts that a version judged.

    Attributes:
        scores: (N,) float64, raw.
        damaged: (N,) bool.
        findings: how many of each kind.
        latest: when the latest was given.
    """

    scores: Floats
    damaged: Bools
    findings: dict[Finding, int]
    latest: datetime | None


def read_labels(bus: BusSettings) -> Iterator[LabelledPart]:
    """Every labelled part that Kafka holds now, oldest first; a photo may come more than once.

    Raises:
        KafkaFailedError: Kafka does not answer, or refuses.
    """
    with EventReader(bus, (LabelledPart,), start="earliest") as reader:
        for _, event in reader.read_to_end(patience=PATIENCE_SECONDS):
            if isinstance(event, LabelledPart):
                yield event


def field_labels(
    labels: Iterable[LabelledPart], wanted: Wanted, *, told: Callable[[int], None] = lambda _: None
) -> FieldLabels:
    """What the last word on each photo says, of those that are `wanted`. `told` hears how many were looked at."""
    kept: dict[str, LabelledPart] = {}
    for number, label in enumerate(labels, start=1):
        # Whatever stood there before is no longer the last word, also where this one is not wanted.
        kept.pop(label.record_key, None)
        if wanted(label):
            kept[label.record_key] = label
        told(number)
    parts = list(kept.values())
    findings: dict[Finding, int] = dict.fromkeys(
        ("confirmed_damage", "false_alarm", "missed_damage", "confirmed_good"), 0
    )
    for part in parts:
        findings[part.finding] += 1
    scores = [part.judged.model.score for part in parts if part.judged.model is not None]
    return FieldLabels(
        scores=np.asarray(scores, dtype=np.float64),
        damaged=np.asarray([part.label == "damaged" for part in parts], dtype=np.bool_),
        findings=findings,
        latest=max((part.time for part in parts), default=None),
    )
