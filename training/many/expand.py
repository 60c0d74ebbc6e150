"""From a plan to the single versions that it wants. Pure: nothing is looked up."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from shared.events import TrainingSpec
from training import arguments
from training.many.plan import DEFAULTS, ENTRY, Asked, Entry, Plan, PlanRejected, told, unknown
from training.order import Order

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


class _Loose(ValueError):
    """A pattern that cannot be filled in."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One version that a plan wants.

    Attributes:
        order: its name, place and spec.
        data: its data set.
        if_photos: good photos below which it is skipped; 0: never.
    """

    order: Order
    data: Path
    if_photos: int


def expand(plan: Plan, *, author: str) -> tuple[Wanted, ...]:
    """Every version, in the order of the plan; the last axis of `for_each` runs fastest.

    Args:
        plan: as read.
        author: of those for whom the plan names none.

    Raises:
        PlanRejected: with every mistake, each told once however many versions it spoils.
    """
    wanted: list[Wanted] = []
    mistakes: dict[tuple[int, str], list[str]] = {}
    origins: dict[str, list[int]] = {}
    for number, entry in enumerate(plan.entries):
        for values in _combinations(entry, plan.matrix):
            try:
                one = _filled(entry, values, plan, author)
            except _Loose as error:
                mistakes.setdefault((number, str(error)), []).append(entry.label)
            except _Wrong as error:
                for line in error.lines:
                    mistakes.setdefault((number, line), []).append(error.name)
            else:
                wanted.append(one)
                origins.setdefault(one.order.version, []).append(number)
    lines = [_line(plan.entries[number], line, names) for (number, line), names in mistakes.items()]
    lines += [_twice(name, numbers, plan) for name, numbers in origins.items() if len(numbers) > 1]
    if not wanted and not lines:
        lines = ["every combination is excluded"]
    if lines:
        raise PlanRejected(plan.path, lines)
    return tuple(wanted)


class _Wrong(Exception):
    """Mistakes of one version."""

    def __init__(self, name: str, lines: list[str]) -> None:
        super().__init__(name)
        self.name, self.lines = name, lines


def _combinations(entry: Entry, matrix: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Without axes there is one: the entry itself."""
    for values in product(*(matrix[axis] for axis in entry.for_each)):
        one = dict(zip(entry.for_each, values, strict=True))
        if not any(all(one[axis] in among for axis, among in left_out.items()) for left_out in entry.exclude):
            yield one


def _filled(entry: Entry, values: Mapping[str, str], plan: Plan, author: str) -> Wanted:
    fields = {name: _fill(value, name, values, plan.matrix) for name, value in entry.fields.items()}
    name = str(fields.get("name", entry.label))
    lines: list[str] = []
    own = spec = None
    # As JSON, so that strict validation takes TOML's arrays for tuples and still no "256" for 256.
    try:
        text = _json({key: value for key, value in fields.items() if key in Asked.model_fields})
        own = Asked.model_validate_json(text, strict=True)
    except ValidationError as error:
        lines += told(error, ENTRY)
    try:
        text = _json({key: value for key, value in fields.items() if key in TrainingSpec.model_fields})
        spec = TrainingSpec.model_validate_json(text, strict=True)
        lines += _cannot_be(spec)
    except ValidationError as error:
        lines += told(error, DEFAULTS)
    if lines or own is None or spec is None:
        raise _Wrong(name, lines)
    order = Order(
        version=own.name, spec=spec, place=own.place, parent=own.parent, author=own.author or author, note=own.note
    )
    root = plan.path.parent / Path(own.data_root).expanduser()
    return Wanted(order, root / Path(own.data).expanduser(), own.if_photos)


def _fill(value: Any, field: str, values: Mapping[str, str], matrix: Mapping[str, Any]) -> Any:
    """Put the values of this combination into every text of a field."""
    match value:
        case str():
            filled = _PLACEHOLDER.sub(lambda found: _value(found[1], field, values, matrix), value)
            if "{" in _PLACEHOLDER.sub("", value) or "}" in _PLACEHOLDER.sub("", value):
                raise _Loose(f"{field}: a brace of {value!r} has no partner")
            return filled
        case list():
            return [_fill(one, field, values, matrix) for one in value]
        case dict():
            return {key: _fill(one, f"{field}.{key}", values, matrix) for key, one in value.items()}
    return value


def _value(axis: str, field: str, values: Mapping[str, str], matrix: Mapping[str, Any]) -> str:
    if axis in values:
        return values[axis]
    if axis in matrix:
        raise _Loose(f"{field}: {{{axis}}} is not in for_each")
    raise _Loose(f"{field}: {unknown(axis, matrix, 'axis')}")


def _json(fields: Mapping[str, Any]) -> str:
    """Dates, times and infinities, which TOML has and JSON lacks, are told by the field as what they are not."""
    return json.dumps(fields, default=lambda value: {"not": type(value).__name__})


def _cannot_be(spec: TrainingSpec) -> list[str]:
    lines = []
    try:
        arguments.threshold_rule(spec.rule)
    except arguments.ArgumentRejected as error:
        lines.append(f"rule: {error.line}")
    if spec.crop != "mask_rcnn" and spec.reference not in ("auto", "none"):
        lines.append(f"reference: {spec.reference[:12]} goes with crop mask_rcnn only")
    return lines


def _line(entry: Entry, line: str, names: list[str]) -> str:
    if len(names) == 1 or names[0] == entry.label:
        return f"{names[0]}: {line}"
    return f"{names[0]}: {line} (and so {len(names) - 1} more of {entry.label})"


def _twice(name: str, numbers: list[int], plan: Plan) -> str:
    (number, times), *others = Counter(numbers).most_common()
    entry = plan.entries[number]
    if others:
        return f"{name}: two entries make a version of this name"
    missing = [axis for axis in entry.for_each if f"{{{axis}}}" not in str(entry.fields.get("name"))]
    left_out = ", ".join(f"{{{axis}}}" for axis in missing)
    return f"{entry.label}: {times} versions would be called {name}; the name leaves out {left_out}"
