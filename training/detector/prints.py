"""What is printed on the labels of training scenes: far more variety than the studio's eight layouts.

Every function returns an ink map: uint8 (H, W), 255 = full ink.
"""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import fields, label, symbols, vin
from training.studio.label import paste_max, text_mask
from training.studio.layouts import LAYOUTS, Font, Pictogram

Ink = NDArray[np.uint8]
_FONTS: tuple[Font, ...] = ("sans", "bold", "mono", "mono-bold", "condensed")
_ICONS: tuple[Pictogram, ...] = get_args(Pictogram)
_LATIN = list("ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789./- ")
_CYRILLIC = list("АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЭЮЯ «»-")
_UNITS = (" kg", " KG", " кг", " lb", " kPa", "")


def _resize(ink: Ink, width: int, height: int) -> Ink:
    return np.asarray(cv2.resize(ink, (max(1, width), height), interpolation=cv2.INTER_AREA), np.uint8)


def line(rng: np.random.Generator, text: str, cap: float, *, stretch: float = 1.0, font: Font | None = None) -> Ink:
    """One line of text with capitals ``cap`` pixels high, ``stretch`` times as wide as usual."""
    face = font or _FONTS[rng.integers(len(_FONTS))]
    mask = text_mask(text, face, float(round(cap)))
    if stretch != 1.0:
        mask = _resize(mask, round(mask.shape[1] * stretch), mask.shape[0])
    return mask


def words(rng: np.random.Generator, low: int, high: int) -> str:
    """A made-up run of characters, Latin or Cyrillic."""
    alphabet = _CYRILLIC if rng.random() < 0.3 else _LATIN
    return "".join(rng.choice(alphabet, int(rng.integers(low, high)))).strip() or "LG"


def certificate(rng: np.random.Generator, height: int, width: int) -> Ink:
    """A made-up certification label: title, approval, VIN, weights, marks, frame."""
    ink = np.zeros((height, width), np.uint8)
    margin = max(2, round(width * rng.uniform(0.02, 0.07)))
    if rng.random() < 0.4:
        weight = max(1, round(width * rng.uniform(0.003, 0.008)))
        cv2.rectangle(ink, (margin // 2, margin // 2), (width - margin // 2, height - margin // 2), 255, weight)
    left = margin
    if rng.random() < 0.6:
        left = _mark(rng, ink, margin)
    rows = int(rng.integers(4, 9))
    pitch = (height - 2 * margin) / rows
    vin_row = int(rng.integers(0, min(4, rows)))
    centred = rng.random() < 0.5
    stretch = float(rng.uniform(0.65, 1.1))
    for row in range(rows):
        if row == vin_row:
            star = "*" if rng.random() < 0.3 else ""
            text, cap = f"{star}{vin.generate(rng)}{star}", pitch * rng.uniform(0.5, 0.75)
        elif row < max(2, vin_row):
            text, cap = words(rng, 9, 28), pitch * rng.uniform(0.4, 0.7)
        else:
            text = f"{['', '1- ', '2- '][rng.integers(3)]}{rng.integers(600, 3200)}{_UNITS[rng.integers(len(_UNITS))]}"
            cap = pitch * rng.uniform(0.35, 0.6)
        mask = line(rng, text, max(3, cap), stretch=stretch)
        room = width - left - margin
        if mask.shape[1] > room > 8:
            mask = _resize(mask, room, mask.shape[0])
        slack = max(0, room - mask.shape[1])
        paste_max(ink, mask, left + (slack // 2 if centred else 0), round(margin + row * pitch))
    if rng.random() < 0.25:
        box = (width * rng.uniform(0.1, 0.4), height * 0.82, width * rng.uniform(0.3, 0.5), height * 0.12)
        symbols.draw_barcode(ink, box, vin.generate(rng))
    return ink


def _mark(rng: np.random.Generator, ink: Ink, margin: int) -> int:
    """Put tall conformity letters or a pictogram at the left; return where the text may start."""
    height, width = ink.shape
    side = round(width * rng.uniform(0.08, 0.2))
    top = round(rng.uniform(0.05, 0.6) * height)
    if rng.random() < 0.7:
        mark = text_mask("".join(rng.choice(list("EACGOST"), 3)), "bold", 20.0)
        tall = min(round(side * rng.uniform(0.5, 1.8)), height - top)
        paste_max(ink, _resize(mark, side, max(3, tall)), margin, top)
    else:
        symbols.draw_icon(ink, (margin, top, side), _ICONS[rng.integers(len(_ICONS))])
    return margin + side + max(2, margin // 2) if rng.random() < 0.8 else margin


def studio(rng: np.random.Generator, width: int) -> tuple[Ink, NDArray[np.uint8]]:
    """One of the studio's layouts, ``width`` pixels wide: its ink and its silhouette."""
    plan = list(LAYOUTS.values())[rng.integers(len(LAYOUTS))]
    scale = max(width / plan.width, 1.5)
    done = label.render(plan, fields.draw(rng), scale)
    pad = round(label.PAD_MM * scale)
    cut = np.s_[pad:-pad, pad:-pad]
    return done.ink[cut], done.silhouette[cut]


def strip(rng: np.random.Generator, height: int, width: int) -> Ink:
    """A VIN alone on a strip, perhaps with a mark before it or a barcode above it."""
    ink = np.zeros((height, width), np.uint8)
    share = rng.uniform(0.3, 0.62)
    top = (1 - share) / 2
    if rng.random() < 0.2 and height > 12:
        symbols.draw_barcode(ink, (width * 0.06, height * 0.08, width * 0.88, height * 0.4), vin.generate(rng))
        share, top = 0.36, 0.56
    star = "*" if rng.random() < 0.3 else ""
    mask = line(rng, f"{star}{vin.generate(rng)}{star}", max(4, height * share))
    x = width * rng.uniform(0.03, 0.1)
    if rng.random() < 0.15:
        where = (round(x + height * 0.6), round(height / 2))
        cv2.ellipse(
            ink, where, (round(height * 0.55), round(height * 0.33)), 0, 0, 360, 255, max(1, height // 14), cv2.LINE_AA
        )
        x += height * 1.4
    room = round(width - x - width * rng.uniform(0.03, 0.1))
    mask = _resize(mask, max(8, room), mask.shape[0])
    paste_max(ink, mask, round(x), round(height * top))
    return ink


def sticker(rng: np.random.Generator, height: int, width: int) -> Ink:
    """A label that is none of ours: pictograms, a tyre table, a mark; no VIN."""
    ink = np.zeros((height, width), np.uint8)
    side = 0.6 * min(height, width)
    for _ in range(int(rng.integers(1, 4))):
        at = (rng.uniform(0, width - side), rng.uniform(0, height - side), side)
        symbols.draw_icon(ink, at, _ICONS[rng.integers(len(_ICONS))])
        side *= 0.7
    for _ in range(int(rng.integers(0, 5))):
        mask = line(rng, words(rng, 3, 9), max(3.0, 0.09 * height))
        paste_max(ink, mask, round(rng.uniform(0, 0.6) * width), round(rng.uniform(0, 0.9) * height))
    if rng.random() < 0.5:
        cv2.rectangle(ink, (1, 1), (width - 2, height - 2), 255, 1)
    return ink
