"""Read the command line's small languages: rules, method options, version names, places."""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from shared.errors import LinegateError
from shared.events import VersionId
from shared.models.card import ThresholdRule
from shared.registration_reference import unpack
from shared.registry.place_key import FIELDS, PlaceKey
from training.data.source import DataSet


class ArgumentRejected(LinegateError):
    """An argument of the command line cannot be understood."""


def threshold_rule(text: str | None) -> tuple[ThresholdRule | None, float | None]:
    """`precision=0.996` as its rule and number; None is the default rule.

    Raises:
        ArgumentRejected: no such rule, or not a number.
    """
    if text is None:
        return None, None
    name, _, number = text.partition("=")
    try:
        rule: ThresholdRule = TypeAdapter[ThresholdRule](ThresholdRule).validate_python(name)
        return rule, float(number) if number else None
    except ValidationError:
        raise ArgumentRejected(
            f"there is no rule {name!r}", hint=f"rules: {', '.join(get_args(ThresholdRule))}"
        ) from None
    except ValueError:
        raise ArgumentRejected(f"--rule {text}: {number!r} is no number") from None


def model_options(texts: Sequence[str]) -> dict[str, Any]:
    """`key=value` pairs; a value is JSON where it parses as such, otherwise text.

    Raises:
        ArgumentRejected: no `=`, or a key twice.
    """
    options: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ArgumentRejected(f"--option {text!r} is not key=value")
        if key in options:
            raise ArgumentRejected(f"--option {key} is given twice")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    return options


def version_name(given: str | None, data: str, kind: str, when: datetime) -> str:
    """The given name, checked, or one made of data set, kind and minute.

    Raises:
        ArgumentRejected: the given name is not one the registry takes.
    """
    if given is None:
        return f"{_stem(data)}-{kind}-{when:%Y%m%d-%H%M}"
    try:
        return TypeAdapter[str](VersionId).validate_python(given)
    except ValidationError:
        raise ArgumentRejected(
            f"{given!r} is no version name", hint="lower-case letters, digits, '.', '_' and '-', at most 95"
        ) from None


def version_by_job(data: str, kind: str, job: str) -> str:
    """A name made of data set, kind and job: the same again for every attempt at the job, and no other job's."""
    return f"{_stem(data)[:40]}-{kind}-{hashlib.sha256(job.encode()).hexdigest()[:10]}"


def place_key(text: str | None) -> PlaceKey | None:
    """A place such as `munich/line-1/*/us`, or None.

    Raises:
        ArgumentRejected: not a key.
    """
    try:
        return None if text is None else PlaceKey.parse(text)
    except ValidationError:
        raise ArgumentRejected(f"{text!r} is no place", hint=f"{'/'.join(FIELDS)}, * for any") from None


def reference_file(text: str) -> bytes | None:
    """Content of the file that `--reference` names; None where it names none.

    Raises:
        ArgumentRejected: it cannot be read.
        ReferenceRejected: it is no reference.
    """
    if text in ("auto", "learn", "none") or re.fullmatch(r"[0-9a-f]{64}", text):
        return None
    try:
        content = Path(text).read_bytes()
    except OSError as error:
        raise ArgumentRejected(f"cannot read the reference {text}: {error.strerror}") from None
    unpack(content)
    return content


def narrowed(data: DataSet, layouts: Sequence[str], cameras: Sequence[str]) -> DataSet:
    """The samples of some layouts and imaging situations; empty means all.

    Raises:
        ArgumentRejected: nothing is left; the hint lists what there is.
    """
    kept = tuple(
        sample
        for sample in data.samples
        if (not layouts or sample.layout in layouts) and (not cameras or sample.camera in cameras)
    )
    if not kept:
        there = sorted({f"{sample.layout}/{sample.camera}" for sample in data.samples})
        raise ArgumentRejected("no photos of that layout and camera", hint=f"there are: {', '.join(there)}")
    return DataSet(data.name, kept)


def _stem(data: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", data.lower()).strip("-._")[:60] or "model"
