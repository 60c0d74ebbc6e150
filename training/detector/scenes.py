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
KINDS: Final[dict[Kind, float]] = {"plate": 0.52, "strip": 0.36, "stamp": 0.05, "none": 0.07}
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
        for _ in range(int(rng.choice(3, p=[0.58, 0.32, 0.10]))):
            _place(rng, image, _sticker(rng, side), mask, aside=True)
        mask[:] = 0
    if kind == "plate":
        where = _place(rng, image, _plate(rng, side), mask)
        if rng.random() < 0.3:
            _beside(rng, image, where, _sticker(rng, side))
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
    if rng.random() < 0.2:
        _rivets(rng, colour)
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
        span = max(span, rng.uniform(0.3, 0.7) * width)
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


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a placed item stands: its plane's mapping (pixels of the item to pixels of the picture) and its size."""

    matrix: NDArray[np.float64]
    height: int
    width: int


def _place(rng: np.random.Generator, image: Rgb, item: Item, mask: Map, *, aside: bool = False) -> _Pose:
    """Warp an item into the picture, with a thin shadow under its edge; its coverage replaces what ``mask`` held."""
    corners = _corners(rng, item, (mask.shape[0], mask.shape[1]), aside=aside)
    # Warping a large print into a small outline would alias: shrink it first.
    shrink = float(np.linalg.norm(corners[1] - corners[0])) * 1.25 / item.alpha.shape[1]
    if shrink < 0.8:
        item = _shrunk(item, shrink)
    height, width = item.alpha.shape
    edges = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - np.float32(0.5)
    pose = _Pose(np.asarray(cv2.getPerspectiveTransform(edges, corners), np.float64), height, width)
    if width / height > 4.5 and rng.random() < 0.6:
        item = _bow(rng, item)
    mask[:] = _lay(rng, image, item, pose.matrix)
    return pose


def _beside(rng: np.random.Generator, image: Rgb, pose: _Pose, item: Item) -> None:
    """Put a second item into the same plane, close to the first but not over it."""
    item = _shrunk(item, pose.height * rng.uniform(0.5, 1.1) / item.alpha.shape[0])
    height, width = item.alpha.shape
    gap = rng.uniform(0.03, 0.25) * pose.height
    match int(rng.integers(4)):
        case 0:
            shift = (-width - gap, rng.uniform(-0.2, 0.2) * height)
        case 1:
            shift = (pose.width + gap, rng.uniform(-0.2, 0.2) * height)
        case 2:
            shift = (rng.uniform(0, 1) * (pose.width - width), -height - gap)
        case _:
            shift = (rng.uniform(0, 1) * (pose.width - width), pose.height + gap)
    _lay(rng, image, item, pose.matrix @ np.array([(1, 0, shift[0]), (0, 1, shift[1]), (0, 0, 1)], np.float64))


def _shrunk(item: Item, factor: float) -> Item:
    size = (max(4, round(item.alpha.shape[1] * factor)), max(3, round(item.alpha.shape[0] * factor)))
    return Item(
        np.asarray(cv2.resize(item.colour, size, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(item.alpha, size, interpolation=cv2.INTER_AREA), np.float32),
    )


def _lay(rng: np.random.Generator, image: Rgb, item: Item, matrix: NDArray[np.float64]) -> Map:
    """Composite an item into the picture, in place; returns its coverage (H, W)."""
    size = (image.shape[1], image.shape[0])
    # One empty pixel around the item, so that its border is blended and not cut.
    alpha = cv2.copyMakeBorder(item.alpha, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    colour = cv2.copyMakeBorder(item.colour, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    matrix = matrix @ np.array([(1, 0, -1), (0, 1, -1), (0, 0, 1)], np.float64)
    flat = cv2.warpPerspective(colour, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.clip(cv2.warpPerspective(alpha, matrix, size, flags=cv2.INTER_LINEAR), 0, 1).astype(np.float32)
    if rng.random() < 0.5:
        drop = np.asarray(cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(0.6, 2.5))), np.float32)
        image *= (1 - np.float32(rng.uniform(0.1, 0.5)) * drop)[..., None]
    mixed = cover[..., None]
    image *= 1 - mixed
    image += flat * mixed
    return cover


def _bow(rng: np.random.Generator, item: Item) -> Item:
    """Bend a strip along an arc, as the curve of the glass shows it."""
    alpha, colour = item.alpha, item.colour
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
    return Item(
        np.asarray(cv2.resize(bent_colour, size, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(bent_alpha, size, interpolation=cv2.INTER_AREA), np.float32),
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
