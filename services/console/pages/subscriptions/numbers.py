"""Numbers as people type them. Exact: what a record holds comes back from its form unchanged. Pure."""

import re
from decimal import Decimal
from typing import Final

_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,400})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
UNITS: Final[dict[str, int]] = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
"""Seconds in a unit, the largest first."""


def whole(text: str) -> int:
    """A whole number.

    Raises:
        ValueError: it is none.
    """
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def decimal(text: str) -> Decimal:
    """A number; a comma may stand for the point, as in German.

    Raises:
        ValueError: it is none.
    """
    if not _DECIMAL.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no number")
    return Decimal(text.strip().replace(",", "."))


def shown(number: float) -> str:
    """A number as text that `decimal` reads as the same number."""
    return repr(number).removesuffix(".0")


def share(text: str) -> float:
    """A percentage as a share of one. Raises as `decimal` does."""
    return float(decimal(text).scaleb(-2))


def percentage(number: float) -> str:
    """A share of one as a percentage that `share` reads as the same number."""
    text = format(Decimal(repr(number)).scaleb(2), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(text: str, unit: str) -> float:
    """A time span in seconds. Raises as `decimal` does."""
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit of time")
    return float(decimal(text) * UNITS[unit])


def span(number: float) -> tuple[str, str]:
    """Seconds as a number and the largest unit in which it is whole, e.g. `("2", "h")`."""
    if number == 0:
        return "0", "min"
    exact = Decimal(repr(number))
    for unit, factor in UNITS.items():
        if exact % factor == 0:
            return format((exact / factor).normalize(), "f"), unit
    return shown(number), "s"
