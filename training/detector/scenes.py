"""Training scenes for the detector: a seed in, a small photo and its label's silhouette out.

Nothing here comes from a real photo. The kinds and their shares were chosen after looking at the `develop` photos:
certification labels on door frames, VIN strips behind windscreens, embossed VINs, and pictures without a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector import backdrops, prints
from training.studio import body, camera, light, noise, scene
from training.studio.label import rounded_rectangle

Kind = Literal["plate", "strip", "stamp", "none"]
KINDS: Final[dict[Kind, float]] = {"plate": 0.60, "strip": 0.27, "stamp": 0.05, "none": 0.08}
"""The kinds of scene and their shares."""

Rgb = NDArray[np.float32]
Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """``image`` uint8 (H, W, 3) RGB; ``mask`` bool (H, W), the label's visible silhouette, empty without a label."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Item:
    """A flat thing to put into a scene: its colours and coverage (float32) seen from the front."""

    colour: Rgb
    alpha: Map


def make(seed: int, side: int = 320) -> Scene:
    """Make one scene whose longer side has ``side`` pixels; the same seed gives the same pixels."""
    rng = np.random.default_rng(seed)
    kind: Kind = list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]
    shape = [(1.0, 1.0), (0.75, 1.0), (1.0, 0.75)][int(rng.choice(3, p=[0.5, 0.38, 0.12]))]
    height, width = round(side * shape[0]), round(side * shape[1])
    glass = kind == "strip" and rng.random() < 0.85
    if glass or (kind == "none" and rng.random() < 0.4):
        image = backdrops.windscreen(rng, height, width)
    else:
        image = body.panel(rng, height, width, busy=float(rng.uniform(0.3, 2.5)))
        if rng.random() < 0.35:
            backdrops.clutter(rng, image)
    mask = np.zeros((height, width), np.float32)
    if kind in {"plate", "none"}:
        for _ in range(int(rng.choice(3, p=[0.62, 0.28, 0.10]))):
            _place(rng, image, _sticker(rng, side), mask, aside=True)
        mask[:] = 0
    if kind == "plate":
        _place(rng, image, _plate(rng, side), mask)
    elif kind == "strip":
        _place(rng, image, _strip(rng, side, glass=glass), mask)
    elif kind == "stamp":
        _emboss(rng, image, mask)
    return Scene(_shoot(rng, image, glass=glass), mask > 0.5, kind)


def label_item(rng: np.random.Generator, side: int) -> Item:
    """A label seen from the front: mostly a certification label, sometimes a strip."""
    return _plate(rng, side) if rng.random() < 0.88 else _strip(rng, side, glass=False)


def _mix(base: NDArray[np.float64], ink_colour: NDArray[np.float64], ink: NDArray[np.uint8]) -> Rgb:
    share = ink.astype(np.float32)[..., None] * np.float32(1 / 255)
    return np.asarray(base.astype(np.float32) * (1 - share) + ink_colour.astype(np.float32) * share, np.float32)


def _plate(rng: np.random.Generator, side: int) -> Item:
    width = round(side * rng.uniform(0.5, 1.0) * 1.2)
    if rng.random() < 0.35:
        ink, silhouette = prints.studio(rng, width)
    else:
        height = round(width / np.exp(rng.uniform(np.log(0.9), np.log(4.2))))
        ink = prints.certificate(rng, height, width)
        silhouette = rounded_rectangle(height, width, 0.0, rng.choice([0.3, rng.uniform(0, 0.12) * height]))
    tone = rng.choice(4, p=[0.46, 0.34, 0.13, 0.07])
    grey = rng.normal(0, 0.012, 3)
    if tone == 0:
        base, pen = rng.uniform(0.02, 0.14) + grey, rng.uniform(0.5, 0.95) + grey
    elif tone == 1:
        base, pen = (
            rng.uniform(0.6, 0.95) + grey + rng.uniform(0, 0.06) * np.array([1, 0.8, 0]),
            rng.uniform(0.02, 0.3) + grey,
        )
    elif tone == 2:
        base, pen = rng.uniform(0.35, 0.7) + grey, rng.uniform(0.05, 0.3) + grey
    else:
        base, pen = rng.uniform(0.05, 0.9, 3), np.full(3, rng.choice([0.05, 0.9])) + grey
    colour = _mix(np.asarray(base), np.asarray(pen), ink)
    height, width = ink.shape
    if tone == 2:  # brushed metal
        colour *= (1 + 0.05 * cv2.GaussianBlur(noise.white(rng, height, width), (0, 0), sigmaX=6, sigmaY=0.5) * 3)[
            ..., None
        ]
    if rng.random() < 0.25:
        _rivets(rng, colour)
    if rng.random() < 0.3:  # a film's bright or dark cut edge
        weight = max(1, width // 150)
        cv2.rectangle(colour, (0, 0), (width - 1, height - 1), [float(rng.uniform(0, 1))] * 3, weight)
    return Item(colour, silhouette.astype(np.float32) / np.float32(255))


def _rivets(rng: np.random.Generator, colour: Rgb) -> None:
    height, width = colour.shape[:2]
    radius = max(2, round(height * rng.uniform(0.03, 0.07)))
    tone = float(rng.uniform(0.05, 0.8))
    for x in (2 * radius, width - 2 * radius):
        cv2.circle(colour, (x, height // 2), radius, [tone] * 3, -1, cv2.LINE_AA)
        cv2.circle(colour, (x, height // 2), max(1, radius // 2), [tone * 0.4] * 3, -1, cv2.LINE_AA)


def _strip(rng: np.random.Generator, side: int, *, glass: bool) -> Item:
    width = round(side * rng.uniform(0.35, 0.85) * 1.2)
    height = max(9, round(width / rng.uniform(5, 12)))
    ink = prints.strip(rng, height, width)
    radius = height * float(rng.choice([0.02, 0.2, 0.49]))
    alpha = rounded_rectangle(height, width, 0.0, radius).astype(np.float32) / np.float32(255)
    light_strip = rng.random() < 0.5
    base = np.asarray((rng.uniform(0.45, 0.9) if light_strip else rng.uniform(0.02, 0.2)) + rng.normal(0, 0.012, 3))
    pen = np.asarray((rng.uniform(0.02, 0.3) if light_strip else rng.uniform(0.55, 0.95)) + rng.normal(0, 0.012, 3))
    if light_strip and rng.random() < 0.35:  # a matt strip under white letters
        base, pen = base * 0.6, np.full(3, 0.95)
    colour = _mix(base, pen, ink)
    if glass:  # seen through tinted, mirroring glass
        veil = np.float32(rng.uniform(0, 0.55))
        colour = colour * (1 - veil) + veil * np.float32(rng.uniform(0.1, 0.6))
    return Item(colour, alpha)


def _sticker(rng: np.random.Generator, side: int) -> Item:
    width = round(side * rng.uniform(0.15, 0.4))
    height = round(width * rng.uniform(0.4, 1.5))
    ink = prints.sticker(rng, height, width)
    dark = rng.random() < 0.25
    base, pen = (
        (rng.uniform(0.02, 0.15), rng.uniform(0.6, 0.95)) if dark else (rng.uniform(0.6, 0.95), rng.uniform(0.02, 0.4))
    )
    tint = rng.normal(0, 0.01, 3) + (rng.uniform(0, 1, 3) * 0.3 if rng.random() < 0.2 else 0)
    colour = _mix(base + tint, pen + tint, ink)
    return Item(
        colour, rounded_rectangle(height, width, 0.0, rng.uniform(0, 0.1) * height).astype(np.float32) / np.float32(255)
    )


def _corners(rng: np.random.Generator, item: Item, canvas: tuple[int, int], *, aside: bool) -> NDArray[np.float32]:
    """Draw a pose: size, tilt, place; the horizontal squash mimics pictures that were resized to a square."""
    height, width = canvas
    thing_h, thing_w = item.alpha.shape
    turn = float(rng.normal(0, 0.14)) if rng.random() < 0.8 else float(rng.uniform(-0.6, 0.6))
    if rng.random() < 0.05:
        turn += np.pi
    elif rng.random() < 0.02:
        turn += float(rng.choice([-1, 1])) * np.pi / 2
    tilt = (float(np.clip(rng.normal(0, 0.3), -0.75, 0.75)), float(np.clip(rng.normal(0, 0.3), -0.75, 0.75)), turn)
    span = thing_w * rng.uniform(0.55, 1.0) if aside else (0.16 + 0.9 * rng.beta(1.3, 1.7)) * width
    if thing_w / thing_h > 4.5 and not aside:
        span = max(span, 0.3 * width)
    shape = scene.project(
        (thing_w, thing_h), tilt=tilt, width=float(span), centre=(0, 0), distance=float(rng.uniform(1.5, 5))
    )
    shape[:, 0] *= np.float32(rng.choice([1.0, 0.75, 1.2, 0.6], p=[0.45, 0.3, 0.1, 0.15]))
    low, high = shape.min(0), shape.max(0)
    room = np.array([width, height])
    inside = not aside and rng.random() < 0.9
    if inside:
        shape *= min(1.0, *(room * 0.98 / (high - low)))
        low, high = shape.min(0), shape.max(0)
        share = np.clip(rng.normal(0.5, 0.22, 2), 0.01, 0.99)
        return np.asarray(shape - low + (room - high + low) * share, np.float32)
    centre = rng.uniform(0.3, 0.7, 2) * room if not aside else _off_middle(rng) * room
    return np.asarray(shape - (low + high) / 2 + centre, np.float32)


def _off_middle(rng: np.random.Generator) -> NDArray[np.float64]:
    place = rng.uniform(0, 1, 2)
    place[rng.integers(2)] = rng.uniform(-0.05, 0.2) if rng.random() < 0.5 else rng.uniform(0.8, 1.05)
    return np.asarray(place)


def _place(rng: np.random.Generator, image: Rgb, item: Item, mask: Map, *, aside: bool = False) -> None:
    """Warp an item into the picture, with a thin shadow under its edge; its coverage replaces what ``mask`` held."""
    height, width = mask.shape
    corners = _corners(rng, item, (height, width), aside=aside)
    thing_h, thing_w = item.alpha.shape
    # Warping a large print into a small outline would alias: shrink it first.
    shrink = float(np.linalg.norm(corners[1] - corners[0])) * 1.25 / thing_w
    colour, alpha = item.colour, item.alpha
    if shrink < 0.8:
        size = (max(4, round(thing_w * shrink)), max(3, round(thing_h * shrink)))
        colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.float32)
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
        thing_w, thing_h = size
    alpha = np.asarray(cv2.copyMakeBorder(alpha, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.float32)
    colour = np.asarray(cv2.copyMakeBorder(colour, 1, 1, 1, 1, cv2.BORDER_REPLICATE), np.float32)
    source = np.array(
        [(0.5, 0.5), (thing_w + 0.5, 0.5), (thing_w + 0.5, thing_h + 0.5), (0.5, thing_h + 0.5)], np.float32
    )
    matrix = cv2.getPerspectiveTransform(source, corners)
    if thing_w / thing_h > 4.5 and rng.random() < 0.6:
        alpha, colour = _bow(rng, alpha, colour)
    flat = cv2.warpPerspective(colour, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.clip(cv2.warpPerspective(alpha, matrix, (width, height), flags=cv2.INTER_LINEAR), 0, 1)
    if rng.random() < 0.5:
        drop = cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(0.6, 2.5)))
        image *= (1 - np.float32(rng.uniform(0.1, 0.5)) * drop)[..., None]
    mixed = cover[..., None]
    image *= 1 - mixed
    image += flat * mixed
    mask[:] = cover


def _bow(rng: np.random.Generator, alpha: Map, colour: Rgb) -> tuple[Map, Rgb]:
    """Bend a strip along an arc, as the curve of the glass shows it."""
    height, width = alpha.shape
    rise = float(rng.normal(0, 0.35)) * height
    pad = int(abs(rise)) + 1
    xs = np.linspace(-1, 1, width, dtype=np.float32)
    ys, cols = np.mgrid[0 : height + 2 * pad, 0:width].astype(np.float32)
    source_y = ys - pad + np.float32(rise) * (xs * xs - 0.5)[None]
    bent_alpha = cv2.remap(alpha, cols, source_y, cv2.INTER_LINEAR, borderValue=0)
    bent_colour = cv2.remap(colour, cols, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Keep the size: the pose was drawn for it.
    size = (width, height)
    return (
        np.asarray(cv2.resize(bent_alpha, size, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(bent_colour, size, interpolation=cv2.INTER_AREA), np.float32),
    )


def _emboss(rng: np.random.Generator, image: Rgb, mask: Map) -> None:
    """Stamp a VIN into the metal: only light and shade show it; the "label" is the line with a margin."""
    side = max(mask.shape)
    width = round(side * rng.uniform(0.4, 0.8))
    height = max(10, round(width / rng.uniform(7, 12)))
    ink = prints.strip(rng, height, width).astype(np.float32) / np.float32(255)
    item = Item(np.repeat(ink[..., None], 3, 2), np.ones((height, width), np.float32))
    corners = _corners(rng, item, (mask.shape[0], mask.shape[1]), aside=False)
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    size = (mask.shape[1], mask.shape[0])
    depth = cv2.GaussianBlur(cv2.warpPerspective(ink, matrix, size), (0, 0), 0.7)
    turn = rng.uniform(0, 2 * np.pi)
    relief = np.gradient(depth, axis=1) * np.cos(turn) + np.gradient(depth, axis=0) * np.sin(turn)
    image *= np.clip(1 + relief * rng.uniform(0.6, 2.2), 0.2, 2)[..., None].astype(np.float32)
    if rng.random() < 0.4:
        image += (depth * np.float32(rng.normal(0, 0.25)))[..., None]
    mask[:] = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, size)


def _shoot(rng: np.random.Generator, image: Rgb, *, glass: bool) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    lamps = light.hand_held(rng, height, width)
    flare = light.glare(rng, height, width, 1.8 if glass else 0.9)
    planes = [np.asarray(np.maximum(plane, 0) * lamps + flare, np.float32) for plane in cv2.split(image)]
    shot = camera.mobile(rng, planes, harshness=0.9)
    if rng.random() < 0.12:
        shot = np.repeat(cv2.cvtColor(shot, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    if rng.random() < 0.35:  # pictures that were shrunk once and enlarged again
        factor = rng.uniform(0.55, 0.9)
        small = cv2.resize(shot, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        shot = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(shot)
