"""Machine-readable marks and pictograms, drawn into an ink map (uint8, 255 = full ink)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio.layouts import Pictogram

Ink = NDArray[np.uint8]

_CHARACTERS: Final = "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-. *"
_PATTERNS: Final = (
    "100100001001100001101100000000110001100110000001110000000100101100100100001100100000110100"
    "100001001001001001101001000000011001100011000001011000000001101100001100001001100000011100"
    "100000011001000011101000010000010011100010010001010010000000111100000110001000110000010110"
    "110000001011000001111000000010010001110010000011010000010000101110000100011000100010010100"
)
"""Nine elements a character, bar and space in turn, 1 = wide."""
_CODE39: Final = {char: _PATTERNS[9 * index : 9 * index + 9] for index, char in enumerate(_CHARACTERS)}


def code39(text: str) -> NDArray[np.bool_]:
    """Return the modules of a Code 39 symbol (ISO/IEC 16388, wide = 3 narrow), True where a bar is."""
    modules: list[bool] = []
    for char in f"*{text}*":
        for index, wide in enumerate(_CODE39[char]):
            modules += [index % 2 == 0] * (3 if wide == "1" else 1)
        modules.append(False)
    return np.array(modules[:-1])


def draw_barcode(ink: Ink, box: tuple[float, float, float, float], text: str) -> None:
    """Draw a Code 39 symbol into ``box`` = (x, y, width, height) in pixels."""
    x, y, width, height = (round(v) for v in box)
    bars = code39(text).astype(np.uint8) * 255
    row = cv2.resize(np.repeat(bars, 8)[None], (width, 1), interpolation=cv2.INTER_AREA)
    ink[y : y + height, x : x + width] = np.maximum(ink[y : y + height, x : x + width], row)


def draw_matrix(ink: Ink, box: tuple[float, float, float], text: str) -> None:
    """Draw a Data Matrix look-alike (L finder, clock track, hashed cells; it does not decode)."""
    x, y, size = (round(v) for v in box)
    cells = np.random.default_rng(list(text.encode())).random((20, 20)) < 0.5
    cells[:, 0] = cells[-1, :] = True
    cells[0, :] = np.arange(20) % 2 == 0
    cells[:, -1] = np.arange(20) % 2 == 1
    tile = cv2.resize(cells.astype(np.uint8) * 255, (size, size), interpolation=cv2.INTER_NEAREST)
    ink[y : y + size, x : x + size] = tile


def _points(points: list[tuple[float, float]], x: float, y: float, size: float) -> NDArray[Any]:
    return np.round((np.array(points) * size + (x, y)) * 16).astype(np.int32)


def _stroke(
    ink: Ink, points: list[tuple[float, float]], at: tuple[float, float, float], *, closed: bool = True
) -> None:
    weight = max(1, round(at[2] * 0.055))
    cv2.polylines(ink, [_points(points, *at)], closed, 255, weight, cv2.LINE_AA, 4)


def _fill(ink: Ink, points: list[tuple[float, float]], at: tuple[float, float, float], value: int = 255) -> None:
    cv2.fillPoly(ink, [_points(points, *at)], value, cv2.LINE_AA, 4)


def _circle(
    ink: Ink, centre: tuple[float, float], radius: float, at: tuple[float, float, float], *, fill: bool = False
) -> None:
    x, y, size = at
    where = (round((x + centre[0] * size) * 16), round((y + centre[1] * size) * 16))
    cv2.circle(ink, where, round(radius * size * 16), 255, -1 if fill else max(1, round(size * 0.055)), cv2.LINE_AA, 4)


def _warning(ink: Ink, at: tuple[float, float, float]) -> None:
    _stroke(ink, [(0.5, 0.06), (0.96, 0.9), (0.04, 0.9)], at)
    _fill(ink, [(0.46, 0.35), (0.54, 0.35), (0.53, 0.65), (0.47, 0.65)], at)
    _circle(ink, (0.5, 0.76), 0.045, at, fill=True)


def _airbag(ink: Ink, at: tuple[float, float, float]) -> None:
    _circle(ink, (0.5, 0.5), 0.46, at)
    _circle(ink, (0.4, 0.28), 0.09, at, fill=True)
    _fill(ink, [(0.34, 0.4), (0.46, 0.4), (0.5, 0.62), (0.7, 0.64), (0.7, 0.72), (0.36, 0.72)], at)
    _circle(ink, (0.66, 0.42), 0.13, at)
    _stroke(ink, [(0.18, 0.18), (0.82, 0.82)], at, closed=False)


def _manual(ink: Ink, at: tuple[float, float, float]) -> None:
    _stroke(ink, [(0.06, 0.18), (0.5, 0.26), (0.94, 0.18), (0.94, 0.8), (0.5, 0.88), (0.06, 0.8)], at)
    _stroke(ink, [(0.5, 0.26), (0.5, 0.88)], at, closed=False)
    for y in (0.38, 0.5, 0.62):
        _stroke(ink, [(0.16, y - 0.04), (0.4, y)], at, closed=False)
        _stroke(ink, [(0.6, y), (0.84, y - 0.04)], at, closed=False)


def _battery(ink: Ink, at: tuple[float, float, float]) -> None:
    _stroke(ink, [(0.06, 0.3), (0.94, 0.3), (0.94, 0.84), (0.06, 0.84)], at)
    for x in (0.18, 0.64):
        _fill(ink, [(x, 0.16), (x + 0.18, 0.16), (x + 0.18, 0.3), (x, 0.3)], at)
    _stroke(ink, [(0.18, 0.56), (0.36, 0.56)], at, closed=False)
    _stroke(ink, [(0.64, 0.56), (0.82, 0.56)], at, closed=False)
    _stroke(ink, [(0.73, 0.47), (0.73, 0.65)], at, closed=False)


def _drop(ink: Ink, at: tuple[float, float, float]) -> None:
    _stroke(
        ink,
        [(0.5, 0.06), (0.74, 0.46), (0.78, 0.68), (0.66, 0.86), (0.5, 0.92), (0.34, 0.86), (0.22, 0.68), (0.26, 0.46)],
        at,
    )
    _fill(ink, [(0.34, 0.64), (0.66, 0.64), (0.6, 0.8), (0.5, 0.84), (0.4, 0.8)], at)


def _conformity(ink: Ink, at: tuple[float, float, float]) -> None:
    _fill(ink, [(0.02, 0.1), (0.98, 0.1), (0.98, 0.9), (0.02, 0.9)], at)
    _fill(
        ink,
        [
            (0.14, 0.22),
            (0.46, 0.22),
            (0.46, 0.34),
            (0.27, 0.34),
            (0.27, 0.44),
            (0.42, 0.44),
            (0.42, 0.56),
            (0.27, 0.56),
            (0.27, 0.66),
            (0.46, 0.66),
            (0.46, 0.78),
            (0.14, 0.78),
        ],
        at,
        0,
    )
    _fill(ink, [(0.54, 0.22), (0.66, 0.22), (0.72, 0.6), (0.78, 0.22), (0.9, 0.22), (0.79, 0.78), (0.65, 0.78)], at, 0)


def _tyre(ink: Ink, at: tuple[float, float, float]) -> None:
    _circle(ink, (0.5, 0.5), 0.44, at)
    _circle(ink, (0.5, 0.5), 0.24, at)
    for angle in np.linspace(0, 2 * np.pi, 6)[:-1]:
        c, s = float(np.cos(angle)), float(np.sin(angle))
        _stroke(ink, [(0.5 + 0.06 * c, 0.5 + 0.06 * s), (0.5 + 0.24 * c, 0.5 + 0.24 * s)], at, closed=False)


def _recycle(ink: Ink, at: tuple[float, float, float]) -> None:
    _stroke(ink, [(0.5, 0.1), (0.9, 0.84), (0.1, 0.84)], at)
    _fill(ink, [(0.42, 0.72), (0.58, 0.84), (0.42, 0.96)], at)
    _fill(ink, [(0.2, 0.5), (0.38, 0.42), (0.38, 0.62)], at)


_DRAW: Final[dict[Pictogram, Callable[[Ink, tuple[float, float, float]], None]]] = {
    "warning": _warning, "airbag": _airbag, "manual": _manual, "battery": _battery,
    "drop": _drop, "conformity": _conformity, "tyre": _tyre, "recycle": _recycle,
}  # fmt: skip


def draw_icon(ink: Ink, box: tuple[float, float, float], kind: Pictogram) -> None:
    """Draw the pictogram ``kind`` into the square ``box`` = (x, y, size) in pixels."""
    _DRAW[kind](ink, box)
