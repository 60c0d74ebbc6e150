"""Durations as people write them: `90s`, `10m`, `1h30m`, `2d`. Read and written here and nowhere else."""

import re
from decimal import Decimal
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_ONE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,20})?)([dhms])", re.ASCII)
_WHOLE: Final = re.compile(f"(?:{_ONE.pattern})+", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds; each unit once at most, the larger before the smaller. `0` needs none.

    Raises:
        ValueError: it is no duration; one line.
    """
    told = text.strip().lower()
    if told == "0":
        return 0.0
    parts = _ONE.findall(told)
    order = [list(_UNITS).index(unit) for _, unit in parts]
    if not _WHOLE.fullmatch(told) or order != sorted(set(order)):
        raise ValueError(f"{text!r} is no duration: write e.g. 90s, 10m, 1h30m or 2d")
    return float(sum(Decimal(number) * _UNITS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """The shortest that `parse_duration` reads as `seconds`: 0, or a millisecond or more."""
    whole = int(seconds)
    if whole != seconds:
        return f"{Decimal(repr(seconds)):f}s"
    told = ""
    for unit, size in _UNITS.items():
        count, whole = divmod(whole, size)
        told += f"{count}{unit}" if count else ""
    return told or "0"
