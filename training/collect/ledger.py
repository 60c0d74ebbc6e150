"""Which photos are worth training on, by what Kafka says of their parts. Ids only, no pixels; pure.

A part is good where the gate passed it, nothing ever spoke against it, and nobody knows better. Whoever looked at a
photo has the last word on it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from shared.events import CameraKind, LabelledPart, ShadowVerdict, Verdict
from shared.events.feedback import Label
from shared.registry.place_key import PlaceKey
from training.collect.spread import spread

PartKey = tuple[str, str]
"""Plant and part: senders name parts, so two plants may use one name."""
Against = Literal["verdict", "shadow verdict", "feedback"]
"""What speaks against a part: it was rejected, a shadow would have, or a person found damage."""
_WEIGHT: Final[dict[Against, int]] = {"shadow verdict": 0, "verdict": 1, "feedback": 2}


class Photo(NamedTuple):
    """A photo that is wanted. A tuple, since a week of a line holds hundreds of thousands."""

    plant: str
    image: str
    part: str
    layout: str
    camera: CameraKind
    time: float
    """Seconds since 1970: when it was judged or, of a labelled photo, taken."""
    label: Label
    finding: str
    """What a person found; empty where nobody looked."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted, and what was left out.

    Attributes:
        photos: the wanted ones.
        counts: of photos and parts, by what they are.
        excluded: parts that passed and are left out all the same, by what speaks against them.
    """

    photos: tuple[Photo, ...]
    counts: dict[str, int]
    excluded: dict[str, int]


class Ledger:
    """What is known of photos and parts.

    Args:
        key: photos of places under it are wanted.
        since: and of this time on. What speaks against a part counts whenever and wherever in its plant it was.
    """

    def __init__(self, key: PlaceKey, since: datetime) -> None:
        self._key = key
        self._since = since
        self._passed: dict[tuple[str, str], Photo] = {}
        self._against: dict[PartKey, Against] = {}
        self._labels: dict[str, LabelledPart] = {}

    def verdict(self, verdict: Verdict) -> None:
        """A gating verdict, or a shadow's."""
        if verdict.decision == "fail":
            kind: Against = "shadow verdict" if isinstance(verdict, ShadowVerdict) else "verdict"
            self._speak_against((verdict.plant, verdict.part), kind)
        elif not isinstance(verdict, ShadowVerdict) and self._is_wanted(verdict):
            photo = Photo(
                verdict.plant, verdict.image, verdict.part, verdict.layout, verdict.camera, verdict.time.timestamp(),
                "good", "",
            )  # fmt: skip
            self._passed[verdict.plant, verdict.image] = photo

    def label(self, label: LabelledPart) -> None:
        """What a person found; a later word on the same photo replaces an earlier one."""
        self._labels[label.record_key] = label

    def select(self, *, most: int | None, all_photos: bool) -> Selection:
        """The wanted photos: all labelled ones, and at most `most` of those that only passed, evenly over time.

        Args:
            most: None takes them all.
            all_photos: of a part that passed several times every photo, instead of the latest.
        """
        for label in self._labels.values():
            if label.label == "damaged":
                self._speak_against((label.plant, label.part), "feedback")
        labelled = [photo for photo in map(self._labelled, self._labels.values()) if photo is not None]
        looked_at = {(photo.plant, photo.image) for photo in labelled}
        parts_looked_at = set[PartKey]() if all_photos else {(photo.plant, photo.part) for photo in labelled}
        free: list[Photo] = []
        excluded: dict[PartKey, Against] = {}
        for photo in self._passed.values():
            part = (photo.plant, photo.part)
            if (against := self._against.get(part)) is not None:
                excluded[part] = against
            elif (photo.plant, photo.image) not in looked_at and part not in parts_looked_at:
                free.append(photo)
        latest = free if all_photos else _latest(free)
        chosen = latest if most is None else [latest[i] for i in spread([photo.time for photo in latest], most)]
        counts = {
            "photos that passed": len(self._passed),
            "photos that passed, of parts that nothing speaks against": len(free),
            "of these taken": len(chosen),
            "labelled good": sum(photo.label == "good" for photo in labelled),
            "labelled damaged": sum(photo.label == "damaged" for photo in labelled),
        }
        return Selection((*labelled, *chosen), counts, dict(Counter(excluded.values())))

    def _is_wanted(self, verdict: Verdict) -> bool:
        model = verdict.model
        return (
            verdict.time >= self._since
            and model is not None
            and model.arm == "champion"
            and model.fallback is None
            and self._key.matches(verdict.place)
        )

    def _labelled(self, label: LabelledPart) -> Photo | None:
        """The photo of a label, where it is wanted: a part with damage gives no good photo, whichever it is on."""
        if label.captured < self._since or not self._key.matches(label.place):
            return None
        if label.label == "good" and self._against.get((label.plant, label.part)) == "feedback":
            return None
        return Photo(
            label.plant, label.image, label.part, label.layout, label.camera, label.captured.timestamp(), label.label,
            label.finding,
        )  # fmt: skip

    def _speak_against(self, part: PartKey, kind: Against) -> None:
        if (known := self._against.get(part)) is None or _WEIGHT[kind] > _WEIGHT[known]:
            self._against[part] = kind


def _latest(photos: Iterable[Photo]) -> list[Photo]:
    kept: dict[PartKey, Photo] = {}
    for photo in photos:
        known = kept.get((photo.plant, photo.part))
        if known is None or (photo.time, photo.image) > (known.time, known.image):
            kept[photo.plant, photo.part] = photo
    return list(kept.values())
