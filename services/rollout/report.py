"""What the judge would see now, as tables for people: the window read once, nothing done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import ShadowVerdict, Verdict, now
from shared.registry.place_key import PlaceKey
from shared.registry.snapshot import Snapshot
from shared.trials.measures.evidence import Evidence, Sample
from shared.trials.measures.measure import Measure
from shared.trials.trial import Standing
from shared.trials.windows import Windows


@dataclass(frozen=True, slots=True)
class Seen:
    """One trial as the judge sees it."""

    standing: Standing
    evidence: Evidence
    measures: tuple[Measure, ...]
    stood_in: int
    full: bool


def look_once(bus: BusSettings, snapshot: Snapshot, key: PlaceKey, *, max_parts: int) -> list[Seen]:
    """Read the window of the trials at exactly `key` and measure them.

    Args:
        bus: how to reach Kafka.
        snapshot: the registry's state.
        key: of an assignment.
        max_parts: most parts looked at of each version.

    Raises:
        LinegateError: nothing is on trial there.
        KafkaFailedError: Kafka does not answer, or refused.
    """
    windows = Windows(max_parts)
    standing = [one for one in windows.standing(snapshot) if one.trial.key == key.root]
    if not standing:
        others = sorted({one.trial.key for one in windows.standing(snapshot)})
        hint = f"there are trials at {', '.join(others)}" if others else "`linegate rollout canary` begins a trial"
        raise LinegateError(f"nothing is on trial at {key}", hint=hint)
    start = now() - timedelta(seconds=max(one.guard.window_s for one in standing))
    with EventReader(bus, (Verdict, ShadowVerdict), start=start) as reader:
        for _, event in reader.read_to_end(patience=bus.call_budget_s):
            if isinstance(event, Verdict):
                windows.saw(event, snapshot)
    seen, at = [], now()
    for one in standing:
        evidence, measures = windows.measured(one, at, snapshot)
        window = windows.of(one.trial)
        seen.append(Seen(one, evidence, measures, window.stood_in, window.full))
    return seen


def tables(seen: Sequence[Seen]) -> list[RenderableType]:
    """One table for each trial, with a line above it and the remarks below it."""
    parts: list[RenderableType] = []
    for one in seen:
        trial, guard = one.standing.trial, one.standing.guard
        title = f"{trial.arm} {trial.version} beside champion {trial.champion} at {trial.key}"
        table = Table(title=title, title_justify="left", title_style="bold")
        for column in ("Measure", "Measured", "Held against", "Limit", "Parts", "Answer", "By"):
            table.add_column(column, overflow="fold")
        for measure in one.measures:
            table.add_row(*_cells(measure))
        parts += [table, *_remarks(one)]
        action = "only told: a shadow gates nothing" if trial.arm == "shadow" else guard.action
        parts.append(
            f"The latest {guard.window_s:g} s; {guard.min_parts} parts of each are needed; confidence "
            f"{guard.confidence:g}; a breach: {action}."
        )
    return parts


def _cells(measure: Measure) -> tuple[str | Text, ...]:
    if measure.limit is None:
        answer = Text("not looked at", style="dim")
    elif not measure.decided:
        answer = Text("not decided", style="yellow")
    else:
        answer = Text("BEYOND", style="bold red") if measure.breach else Text("within", style="green")
    numbers = (_number(measure.value), _number(measure.held), _number(measure.limit))
    return measure.name, *numbers, f"{measure.trial_parts} / {measure.champion_parts}", answer, measure.told


def _remarks(one: Seen) -> list[str]:
    evidence, told = one.evidence, []
    rates = f"Rejected: trial {_rate(evidence.trial)}, champion {_rate(evidence.champion)}"
    told.append(f"{rates}; {evidence.pairs} parts were seen by both.")
    if one.standing.paused:
        told.append("The trial is paused: the champion judges its parts.")
    if one.stood_in:
        told.append(f"{one.stood_in} verdicts count for nobody: another version stood in for one that was not loaded.")
    if one.full:
        told.append("The window holds more parts than are looked at (rollout.max_parts): the latest count.")
    return told


def _rate(sample: Sample) -> str:
    if not sample.parts:
        return "no parts"
    rejected = int(np.sum(sample.fails))
    return f"{rejected} of {sample.parts} ({rejected / sample.parts:.1%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
