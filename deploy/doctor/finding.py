"""What the doctor found: one line, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shared.settings import Settings

Level = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    told: str
    remedy: str | None = None
    """What to do; None only where nothing is to be done."""


Check: TypeAlias = Callable[[Settings], Iterable[Finding]]
"""Looks at one thing. May raise: that is a finding too."""


def ok(told: str) -> Finding:
    """All is well with it."""
    return Finding("OK", told)


def warn(told: str, remedy: str) -> Finding:
    """It works, or is not needed by everybody; still worth a look."""
    return Finding("WARN", told, remedy)


def fail(told: str, remedy: str) -> Finding:
    """Linegate cannot work like this."""
    return Finding("FAIL", told, remedy)
