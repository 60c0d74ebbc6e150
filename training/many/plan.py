"""The plan file: which versions are wanted, before its patterns are filled in.

```toml
[defaults]              # any field of `TrainingSpec`, and: author, data_root, if_photos, note
[matrix]                # axis = [values]
[[version]]             # name, place, data, any field of the defaults; for_each = [axes], exclude = [{axis = value}]
```
"""

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from shared.errors import LinegateError
from shared.events import TrainingSpec, VersionId
from shared.events.base import Model
from shared.registry.place_key import PlaceKey

HINT: Final = "docs/train-many.md shows a whole plan"


class PlanRejected(LinegateError):
    """The plan cannot be used.

    Args:
        path: of the plan.
        mistakes: one line each, with the name of the entry.
    """

    def __init__(self, path: Path, mistakes: Iterable[str]) -> None:
        self.mistakes: Final = tuple(mistakes)
        (first, *rest) = self.mistakes
        super().__init__(f"{path}: {len(self.mistakes)} mistakes" if rest else f"{path}: {first}", hint=HINT)


class Asked(Model):
    """What an entry says besides how to fit."""

    name: VersionId
    place: PlaceKey
    data: Annotated[str, Field(min_length=1)]
    parent: VersionId | None = None
    note: str = ""
    author: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    data_root: Annotated[str, Field(min_length=1)] = "."
    if_photos: Annotated[int, Field(ge=0)] = 0
    """Skip it where there are fewer good photos."""


DEFAULTS: Final = ("author", "note", "data_root", "if_photos", *TrainingSpec.model_fields)
"""What the defaults may say."""
ENTRY: Final = ("for_each", "exclude", *Asked.model_fields, *TrainingSpec.model_fields)
"""What an entry may say."""


class _File(Model):
    defaults: dict[str, Any] = Field(default_factory=dict)
    matrix: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    version: Annotated[list[dict[str, Any]], Field(min_length=1)]


class _Loops(Model):
    for_each: list[str] = Field(default_factory=list)
    exclude: list[dict[str, str | list[str]]] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """One `[[version]]`.

    Attributes:
        label: what messages call it.
        fields: as they stand, with the defaults below them.
        for_each: axes that it is repeated over.
        exclude: combinations that are left out.
    """

    label: str
    fields: dict[str, Any]
    for_each: tuple[str, ...]
    exclude: tuple[dict[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it was written.

    Attributes:
        path: of the file.
        matrix: values of each axis.
        entries: in order.
    """

    path: Path
    matrix: dict[str, tuple[str, ...]]
    entries: tuple[Entry, ...]


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PlanRejected: it is no TOML, or says something that no plan says.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanRejected(path, [f"cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanRejected(path, [f"not TOML: {error}"]) from None
    try:
        file = _File.model_validate(raw, strict=True)
    except ValidationError as error:
        raise PlanRejected(path, told(error, ("defaults", "matrix", "version"))) from None
    mistakes = [f"[defaults]: {line}" for line in _unknown(file.defaults, DEFAULTS)]
    mistakes += [
        f"[matrix]: {axis} has {value!r} twice"
        for axis, values in file.matrix.items()
        for value in dict.fromkeys(v for v in values if values.count(v) > 1)
    ]
    entries = []
    for number, fields in enumerate(file.version, start=1):
        name = fields.get("name")
        label = name if isinstance(name, str) and name else f"version {number}"
        try:
            loops = _Loops.model_validate({k: v for k, v in fields.items() if k in _Loops.model_fields}, strict=True)
        except ValidationError as error:
            mistakes += [f"{label}: {line}" for line in told(error, _Loops.model_fields)]
            continue
        exclude = tuple(
            {axis: (value,) if isinstance(value, str) else tuple(value) for axis, value in one.items()}
            for one in loops.exclude
        )
        entry = Entry(
            label,
            file.defaults | {k: v for k, v in fields.items() if k not in _Loops.model_fields},
            tuple(loops.for_each),
            exclude,
        )
        mistakes += [f"{label}: {line}" for line in (*_unknown(fields, ENTRY), *_loose(entry, file.matrix))]
        entries.append(entry)
    if mistakes:
        raise PlanRejected(path, mistakes)
    return Plan(path, {axis: tuple(values) for axis, values in file.matrix.items()}, tuple(entries))


def told(error: ValidationError, known: Iterable[str]) -> list[str]:
    """The problems of a validation, a line each."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            lines.append(unknown(where, known))
        elif problem["type"] == "missing":
            lines.append(f"{where} is missing")
        else:
            lines.append(f"{where}: {' '.join(problem['msg'].removeprefix('Value error, ').split())}")
    return lines


def unknown(word: str, known: Iterable[str], what: str = "field") -> str:
    """`there is no field 'heigth' (did you mean 'height'?)`."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"there is no {what} {word!r}" + (f" (did you mean {close[0]!r}?)" if close else "")


def _unknown(fields: Iterable[str], known: tuple[str, ...]) -> list[str]:
    return [unknown(word, known) for word in fields if word not in known]


def _loose(entry: Entry, matrix: dict[str, list[str]]) -> list[str]:
    """Axes and values that are not there; an exclusion with a slip of the pen would leave nothing out, silently."""
    lines = [f"for_each: {unknown(axis, matrix, 'axis')}" for axis in entry.for_each if axis not in matrix]
    lines += [f"for_each names {axis!r} twice" for axis in set(entry.for_each) if entry.for_each.count(axis) > 1]
    for one in entry.exclude:
        if not one:
            lines.append("exclude: an empty table would leave everything out")
        for axis, values in one.items():
            if axis not in entry.for_each:
                lines.append(f"exclude: {axis!r} is not in for_each")
            elif axis in matrix:
                lines += [f"exclude: {unknown(v, matrix[axis], axis)}" for v in values if v not in matrix[axis]]
    return lines
