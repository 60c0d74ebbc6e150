"""Vehicle identification numbers (ISO 3779), with the check digit of its North American profile.

The check digit is the ninth character: the weighted sum of the transliterated characters modulo 11,
with 10 written as ``X`` (49 CFR 565.15, Tables III to V).
"""

from __future__ import annotations

from typing import Final

import numpy as np

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
"""The 33 characters of ISO 3779: I, O and Q are left out because they read like 1 and 0."""

_VALUES: Final = dict(zip(ALPHABET, [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True))
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEARS: Final = "LMNPRSTVWXY"
_MAKERS: Final = ("WLG", "W1L", "9LG", "3LG")
"""World manufacturer identifiers of an invented maker."""


def check_digit(vin: str) -> str:
    """Return the character that belongs at index 8 of ``vin``; what stands there now is ignored.

    Raises ValueError when ``vin`` is not 17 characters of the ISO 3779 alphabet.
    """
    if len(vin) != len(_WEIGHTS):
        msg = f"a VIN has 17 characters, got {len(vin)}: {vin!r}"
        raise ValueError(msg)
    try:
        total = sum(weight * _VALUES[char] for weight, char in zip(_WEIGHTS, vin, strict=True))
    except KeyError as error:
        msg = f"{error.args[0]!r} is not a VIN character (digits and capitals without I, O, Q): {vin!r}"
        raise ValueError(msg) from None
    return "0123456789X"[total % 11]


def is_valid(vin: str) -> bool:
    """Say whether ``vin`` has 17 allowed characters and the right check digit."""
    try:
        return check_digit(vin) == vin[8]
    except ValueError:
        return False


def generate(rng: np.random.Generator) -> str:
    """Draw a valid VIN of an invented maker."""
    letters = list(ALPHABET)
    descriptor = "".join(rng.choice(letters, 5))
    year = str(rng.choice(list(_YEARS)))
    plant = str(rng.choice(letters[1:]))
    draft = f"{rng.choice(list(_MAKERS))}{descriptor}0{year}{plant}{rng.integers(0, 1_000_000):06d}"
    return draft[:8] + check_digit(draft) + draft[9:]
