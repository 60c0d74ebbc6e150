"""One self-contained HTML page about one model version: no script, no network, printable, light and dark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import jinja2
from markupsafe import Markup

from shared.models.card import Interval
from training import plots
from training.examples import Example
from training.metrics import operating_points
from training.overlay import HeatScale, data_url, heat_scale, overlay, scaled
from training.result import TrainingResult
from training.wording import (
    METRIC_MEANINGS,
    METRIC_NAMES,
    expected_catches,
    expected_stops,
    rule_in_words,
    share_interval,
)

TEMPLATE: Final = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the metrics table; `bar` is the value as a share of the row's width."""

    name: str
    meaning: str
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class DefectRow:
    """How many test parts with one kind of damage were caught."""

    name: str
    caught: int
    total: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One example, encoded."""

    name: str
    defect: str
    score: float
    tall: bool
    plain: str
    heat: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures under one heading."""

    title: str
    note: str
    pictures: tuple[Picture, ...]


def render_report(result: TrainingResult, *, version: str, digest: str) -> str:
    """The page as HTML text.

    Args:
        result: of the training.
        version: what the model version is called.
        digest: sha256 of its bundle.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    card = result.card
    both = bool(card.data.test_good and card.data.test_damaged)
    threshold = card.calibration.threshold
    points = operating_points(result.test.scores, result.test.damaged) if both else None
    # Our own SVG, made of numbers and fixed words: the only text that is not escaped.
    return environment.get_template(TEMPLATE).render(
        version=version,
        digest=digest,
        card=card,
        kind=result.model.kind,
        spec=json.dumps(result.model.spec.model_dump(mode="json"), indent=2),
        options=result.options,
        unregistered=len(result.unregistered),
        stops=expected_stops(card.calibration),
        catches=expected_catches(result.decided),
        rule=rule_in_words(card.calibration),
        decided=result.decided,
        rows=metric_rows(result),
        defects=defect_rows(result),
        warnings=result.warnings,
        not_found=result.not_found,
        histogram=Markup(plots.histogram(result.test.good_scores, result.test.damaged_scores, threshold))  # noqa: S704
        if len(result.test.scores)
        else None,
        roc=Markup(plots.roc(points, threshold)) if points else None,  # noqa: S704 - as above
        precision_recall=Markup(plots.precision_recall(points, threshold)) if points else None,  # noqa: S704 - as above
        galleries=galleries(result),
        seconds=result.seconds,
        ms_per_image=result.ms_per_image,
    )


def metric_rows(result: TrainingResult) -> list[Row]:
    """The measured metrics in reading order, counts' intervals exact, ranking metrics' by bootstrap."""
    decided, measured = result.decided, result.card.metrics
    exact = {
        "recall_at_threshold": share_interval(decided.caught, decided.caught + decided.missed),
        "precision_at_threshold": share_interval(decided.caught, decided.caught + decided.stopped),
        "false_alarm_rate_at_threshold": share_interval(decided.stopped, decided.stopped + decided.passed),
    }
    return [
        Row(name, METRIC_MEANINGS[key], measured[key], exact.get(key) or result.intervals.get(key))
        for key, name in METRIC_NAMES.items()
        if key in measured
    ]


def defect_rows(result: TrainingResult) -> list[DefectRow]:
    """Recall by kind of damage on the test parts, least caught first; empty where no kinds are known."""
    fails = result.test.scores >= result.card.calibration.threshold
    kinds: dict[str, list[bool]] = {}
    for sample, failed in zip(result.test.samples, fails, strict=True):
        if sample.damaged:
            kinds.setdefault(sample.defect, []).append(bool(failed))
    if not any(kinds):
        return []
    rows = [DefectRow(kind or "not named", sum(caught), len(caught)) for kind, caught in kinds.items()]
    return sorted(rows, key=lambda row: (row.caught / row.total, row.name))


def galleries(result: TrainingResult) -> list[Gallery]:
    """The wrong decisions, then the right ones nearest to the threshold."""
    shown = result.examples
    scale = heat_scale([example.anomaly_map for example in shown.near_good], result.card.calibration.threshold)
    missed = _of(len(shown.missed), shown.missed_in_all, "lowest")
    stopped = _of(len(shown.stopped), shown.stopped_in_all, "highest")
    near = "right, and nearest to the threshold"
    made = [
        _gallery("Damaged parts that pass", missed, shown.missed, scale),
        _gallery("Good parts that are stopped", stopped, shown.stopped, scale),
        _gallery("Highest-scoring good parts that pass", near, shown.near_good, scale),
        _gallery("Lowest-scoring damaged parts that are caught", near, shown.near_damaged, scale),
    ]
    return [gallery for gallery in made if gallery.pictures]


def _of(shown: int, total: int, end: str) -> str:
    return f"all {total}" if shown == total else f"the {shown} {end}-scoring of {total}"


def _gallery(title: str, note: str, examples: Sequence[Example], scale: HeatScale) -> Gallery:
    return Gallery(title, note, tuple(_picture(example, scale) for example in examples))


def _picture(example: Example, scale: HeatScale) -> Picture:
    height, width = example.pixels.shape[:2]
    return Picture(
        name=example.name,
        defect=example.defect,
        score=example.score,
        tall=height > width,
        plain=data_url(scaled(example.pixels)),
        heat=data_url(overlay(example.pixels, example.anomaly_map, example.mask, scale)),
    )
