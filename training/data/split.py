"""Divide samples into train, calibration and locked test: stratified, seeded, no part on both sides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, TypeAlias

import numpy as np

from training.data.sample import DataRejected, Sample

Scheme: TypeAlias = Literal["half", "study", "supervised"]
Third: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of train, calibration and test, summing to 1, for each label."""

    good: Third
    damaged: Third


SCHEMES: Final[Mapping[Scheme, Shares]] = {
    # Damage is scarce in practice: half tells where the threshold goes, half whether that was right.
    "half": Shares((0.70, 0.15, 0.15), (0.0, 0.5, 0.5)),
    # The study's unsupervised split: of 2703 good and 970 damaged, 1892 / 405 + 824 / 406 + 146.
    "study": Shares((0.70, 0.15, 0.15), (0.0, 0.85, 0.15)),
    # The study's supervised split, for classifiers that learn from damage.
    "supervised": Shares((0.70, 0.15, 0.15), (0.70, 0.15, 0.15)),
}


@dataclass(frozen=True, slots=True)
class Split:
    """Who learns, who sets the threshold, who judges the result."""

    train: tuple[Sample, ...]
    calibration: tuple[Sample, ...]
    test: tuple[Sample, ...]


def split(
    samples: Sequence[Sample], shares: Shares, *, seed: int, group: Callable[[Sample], str] | None = None
) -> Split:
    """Divide `samples`.

    Samples with equal `group` stay together (default: the part id, else the sample's own name). Groups are shuffled
    within their stratum (label, defect, layout, camera) and dealt so that every prefix of the dealt sequence keeps the
    shares; so each label's shares hold to within a group or two, and strata spread evenly even when they are tiny.
    A sample with a `fold` stays where the data set put it, and its whole group with it.

    Raises:
        DataRejected: nothing is left to train on, or a part's photos are fixed to different folds.
    """
    groups = _groups(samples, group or (lambda sample: sample.part or sample.name))
    rng = np.random.default_rng(seed)
    folds: dict[str, list[Sample]] = {"train": [], "calibration": [], "test": []}
    for damaged, share in ((False, shares.good), (True, shares.damaged)):
        of_label = [members for members in groups if any(s.damaged for s in members) == damaged]
        for fixed, among in _by_fold(of_label).items():
            _deal(_shuffled_in_strata(among, rng), _restricted(share, fixed), folds)
    # A damaged part's good photos follow it; where they would be trained on beside damage, that is what was asked for.
    if not any(not sample.damaged for sample in folds["train"]):
        raise DataRejected("no good photos are left to train on", hint="about 50 good photos make a start")
    return Split(tuple(folds["train"]), tuple(folds["calibration"]), tuple(folds["test"]))


def _groups(samples: Iterable[Sample], key: Callable[[Sample], str]) -> list[list[Sample]]:
    ordered = sorted(samples, key=lambda sample: (key(sample), sample.name))
    return [list(members) for _, members in groupby(ordered, key=key)]


def _by_fold(groups: Iterable[list[Sample]]) -> dict[str | None, list[list[Sample]]]:
    divided: dict[str | None, list[list[Sample]]] = {}
    for members in groups:
        fixed = {sample.fold for sample in members} - {None}
        if len(fixed) > 1:
            raise DataRejected(
                f"photos of one part are fixed to different folds: {', '.join(sample.name for sample in members[:3])}"
            )
        divided.setdefault(next(iter(fixed), None), []).append(members)
    return dict(sorted(divided.items(), key=lambda item: item[0] or ""))


def _restricted(share: Third, fold: str | None) -> Third:
    train, calibration, _ = share
    match fold:
        case "train":
            return (1.0, 0.0, 0.0)
        case "calibration":
            return (0.0, 1.0, 0.0)
        case "test":
            return (0.0, 0.0, 1.0)
        case "development":
            total = train + calibration
            return (train / total, calibration / total, 0.0)
        case _:
            return share


def _shuffled_in_strata(groups: list[list[Sample]], rng: np.random.Generator) -> list[list[Sample]]:
    shuffled = [groups[i] for i in rng.permutation(len(groups))]
    return sorted(shuffled, key=lambda members: _stratum(members[0]))  # a stable sort keeps the shuffle inside


def _stratum(sample: Sample) -> tuple[str, str, str]:
    return sample.defect, sample.layout, sample.camera


def _deal(groups: Iterable[list[Sample]], share: Third, folds: Mapping[str, list[Sample]]) -> None:
    """Give each group to the fold that is furthest behind its share."""
    dealt, wanted = np.zeros(3), np.array(share)
    names = tuple(folds)
    for members in groups:
        behind = wanted * (dealt.sum() + len(members)) - dealt
        behind[wanted == 0] = -np.inf
        choice = int(behind.argmax())
        dealt[choice] += len(members)
        folds[names[choice]].extend(members)
