"""A choice of threshold in plain words, for the terminal and the report."""

from typing import Final

from training.recalibrate.choice import AUDITED, Choice, Point
from training.recalibrate.labels import FieldLabels

_SAMPLE: Final = (
    "precision holds for parts like those that people looked at: if they look mostly at doubtful ones, the line's is "
    "another"
)
_RECALL: Final = (
    "recall on all damaged parts is not known from feedback: damage that passes and that nobody finds counts nowhere"
)


def headline(choice: Choice) -> str:
    """What comes of it, in one sentence."""
    target = f"precision {choice.target:g}"
    if choice.chosen is None:
        return f"No threshold reaches {target}: the labels are too few, or too many of them are false alarms"
    present, threshold = choice.present.threshold, choice.chosen.threshold
    if threshold == present:
        return f"The present threshold {present:.6g} reaches {target} already, and may not fall: nothing to change"
    return f"The threshold {'rises' if threshold > present else 'falls'} from {present:.6g} to {threshold:.6g}"


def sentences(choice: Choice, labels: FieldLabels) -> list[str]:
    """What it rests on and what it costs, most important first."""
    said = [f"Present threshold {choice.present.threshold:.6g}: {_precision(choice, choice.present)}"]
    if choice.chosen is None:
        near = choice.nearest
        said.append(
            f"Nearest to it is threshold {near.threshold:.6g}: {_precision(choice, near)}; at least {choice.lacking} "
            "more parts at or above it would have to be confirmed damaged, with no false alarm among them"
        )
    elif choice.chosen.threshold != choice.present.threshold:
        said.append(f"New threshold {choice.chosen.threshold:.6g}: {_precision(choice, choice.chosen)}")
        said.append(_cost(choice))
    said.append(_passed(choice, labels))
    return said


def caveats(choice: Choice) -> list[str]:
    """What the figures do not tell."""
    found = [
        _SAMPLE,
        _RECALL,
    ]
    if choice.confidence == 0:
        found.append("no confidence was asked for: the precision of the next parts may well be lower")
    if choice.chosen is not None and choice.chosen.threshold < choice.present.threshold:
        found.append(
            "the threshold falls on the word that parts that passed and were looked at were picked by chance, and not "
            "because something was wrong with them"
        )
    return found


def _precision(choice: Choice, point: Point) -> str:
    total = point.caught + point.stopped
    if not total:
        return "no labelled part reaches it"
    bound = "" if choice.confidence == 0 else f", at least {point.bound:.4f} with {choice.confidence:.0%} confidence"
    return f"{point.caught} of {total} labelled parts that reach it are damaged: precision {point.precision:.4f}{bound}"


def _cost(choice: Choice) -> str:
    assert choice.chosen is not None  # noqa: S101 - the caller looked
    if choice.chosen.threshold < choice.present.threshold:
        return f"It would stop {choice.regained} of {choice.missed} labelled damaged parts that pass now"
    bound = (
        "" if choice.confidence == 0 else f" (up to {choice.lost_bound:.1%} with {choice.confidence:.0%} confidence)"
    )
    saved = choice.present.stopped - choice.chosen.stopped
    return (
        f"It would let {choice.lost} of {choice.damaged} confirmed damaged parts pass{bound}, and spare {saved} of "
        f"{choice.present.stopped} false alarms"
    )


def _passed(choice: Choice, labels: FieldLabels) -> str:
    missed, good = labels.findings["missed_damage"], labels.findings["confirmed_good"]
    known = f"Of parts that passed, {missed} proved damaged and {good} good"
    if choice.may_fall:
        return f"{known}: the threshold may fall where precision reaches the target between the two as well"
    unknown = f"{known}: below the present threshold precision is not known, so it may only rise"
    if choice.passed_good < AUDITED:
        return f"{unknown} (to fall, it takes {AUDITED} that proved good)"
    return f"{unknown} (if these parts were picked by chance, say --audited)"
