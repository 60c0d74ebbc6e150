"""Damage on a label: what it is, where it starts, how bad it gets. See ``crack``, ``bubble`` and ``edge``."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from training.studio import bubble, crack, edge
from training.studio.surface import Surface

DamageKind = Literal["crack", "bubble", "edge"]
DAMAGE_KINDS: tuple[DamageKind, ...] = get_args(DamageKind)

_MAKE = {"crack": crack.crack, "bubble": bubble.bubbles, "edge": edge.edge}


def draw_severity(rng: np.random.Generator) -> float:
    """Draw a severity in (0, 1]: continuous, mostly plainly visible, with a tail of the barely visible."""
    return float(0.04 + 0.96 * rng.beta(2.2, 1.6))


def inflict(rng: np.random.Generator, surface: Surface, kind: DamageKind, severity: float) -> None:
    """Damage ``surface`` in place and mark its ``damage`` mask.

    Size and contrast both grow with ``severity`` in (0, 1], each with its own scatter, so that a
    small sharp defect and a large faint one can share a severity.

    Raises ValueError when ``severity`` is outside (0, 1].
    """
    if not 0 < severity <= 1:
        msg = f"severity must be in (0, 1], got {severity}"
        raise ValueError(msg)
    size, contrast = (float(np.clip(severity * rng.uniform(0.7, 1.3), 0.02, 1)) for _ in range(2))
    while not surface.damage.any():  # a ragged chip may miss the label altogether: strike again
        _MAKE[kind](rng, surface, size, 0.1 + 0.9 * contrast)
