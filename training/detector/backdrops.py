"""What lies behind the labels of training scenes beyond painted metal: windscreens, clutter, dirt."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise

Rgb = NDArray[np.float32]


def windscreen(rng: np.random.Generator, height: int, width: int) -> Rgb:
    """Glass over a dark dashboard, with the sky, lamps, a person and a phone mirrored in it."""
    base = np.float32(rng.uniform(0.03, 0.4) if rng.random() < 0.75 else rng.uniform(0.4, 0.75))
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) / width
    field = base * (1 + 0.3 * noise.smooth(rng, height, width, 2)) + rng.normal(0, 0.15) * (ys - 0.5) * base
    tint = 1 + rng.normal(0, 0.04, 3) + np.array([-0.05, 0.0, 0.06]) * rng.uniform(-0.6, 1.6)
    image = np.asarray(cv2.merge([np.asarray(field * t, np.float32) for t in tint]), np.float32)
    if rng.random() < 0.7:  # dashboard, frit or bonnet below or above
        edge = rng.uniform(0.55, 0.95) * height / width if rng.random() < 0.7 else rng.uniform(0.02, 0.25)
        bow = edge + rng.normal(0, 0.08) * (xs - 0.5) + rng.normal(0, 0.2) * (xs - rng.uniform(0.2, 0.8)) ** 2
        side = np.clip((ys - bow) * width / rng.uniform(1, 4), -1, 1) * 0.5 + 0.5
        other = np.float32(rng.uniform(0.02, 0.6))
        image += (other - image) * (side if rng.random() < 0.6 else 1 - side)[..., None].astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):
        _mirrored(rng, image)
    if rng.random() < 0.5:
        _photographer(rng, image)
    if rng.random() < 0.3:
        _frit(rng, image)
    if rng.random() < 0.35:
        _specks(rng, image)
    return image


def _mirrored(rng: np.random.Generator, image: Rgb) -> None:
    """A phone, a hand, a lamp, a window or a tree line seen in the glass: soft-edged polygons."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.float32)
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    kind = rng.integers(4)
    if kind == 0:  # a phone
        half = np.array([rng.uniform(0.08, 0.22), rng.uniform(0.06, 0.16)]) * width
        shape = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        turn = rng.normal(0, 0.2)
        shape = shape @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        strength = -rng.uniform(0.3, 0.9)
    elif kind == 1:  # a lamp tube
        half = np.array([rng.uniform(0.1, 0.6), rng.uniform(0.004, 0.03)]) * width
        shape = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        turn = rng.uniform(0, np.pi)
        shape = shape @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        strength = rng.uniform(0.1, 0.7)
    else:  # a person, trees, clouds
        count = int(rng.integers(5, 14))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radius = rng.uniform(0.08, 0.35) * width * rng.uniform(0.5, 1.2, count)
        shape = np.stack([np.cos(angles), np.sin(angles) * rng.uniform(0.5, 1.3)], 1) * radius[:, None]
        strength = rng.uniform(-0.8, 0.35)
    cv2.fillPoly(layer, [np.round((shape + np.array([cx, cy])) * 8).astype(np.int32)], 1.0, cv2.LINE_AA, 3)
    soft = np.asarray(cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.5, 0.02 * width))), np.float32)[..., None]
    if strength < 0:
        image *= 1 + soft * np.float32(strength)
    else:
        image += soft * np.float32(strength)


def _photographer(rng: np.random.Generator, image: Rgb) -> None:
    """The one who takes the photo, seen in the glass: a phone, the hand that holds it, perhaps a head and shoulders."""
    height, width = image.shape[:2]
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    phone = (rng.uniform(0.06, 0.18) * width, rng.uniform(0.05, 0.16) * width)
    skin = np.clip(np.array([0.45, 0.32, 0.25]) * rng.uniform(0.3, 1.1), 0, 1).tolist()
    see_through = float(rng.uniform(0.3, 0.95))
    layer = image.copy()
    if rng.random() < 0.6:
        tone = [float(rng.uniform(0.01, 0.2))] * 3
        head = (round(x + rng.normal(0, 0.1) * width), round(y - phone[1] - rng.uniform(0.0, 0.2) * height))
        cv2.ellipse(layer, head, (round(0.09 * width), round(0.12 * width)), 0, 0, 360, tone, -1, cv2.LINE_AA)
        below = (head[0], round(head[1] + 0.36 * width))
        cv2.ellipse(layer, below, (round(rng.uniform(0.15, 0.4) * width), round(0.3 * width)), 0, 0, 360, tone, -1)
    for _ in range(int(rng.integers(1, 5))):  # fingers
        tip = (round(x + rng.normal(0, 1.1) * phone[0]), round(y + rng.uniform(0.2, 1.5) * phone[1]))
        axes = (round(rng.uniform(0.25, 0.6) * phone[0]), max(2, round(0.18 * phone[1])))
        cv2.ellipse(layer, tip, axes, float(rng.normal(0, 25)), 0, 360, skin, -1, cv2.LINE_AA)
    corners = cv2.boxPoints(((float(x), float(y)), (2 * phone[0], 2 * phone[1]), float(rng.normal(0, 8))))
    body = [float(rng.uniform(0.01, 0.15))] * 3
    cv2.fillPoly(layer, [np.round(corners * 8).astype(np.int32)], body, cv2.LINE_AA, 3)
    lens = np.mean(corners[:2], axis=0) * 0.7 + np.array([x, y]) * 0.3
    cv2.circle(
        layer, (round(float(lens[0])), round(float(lens[1]))), max(2, round(0.12 * phone[0])), skin, 1, cv2.LINE_AA
    )
    soft = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.5, 2.5)))
    image += (np.asarray(soft, np.float32) - image) * np.float32(see_through)


def _frit(rng: np.random.Generator, image: Rgb) -> None:
    """The black dots along a windscreen's border."""
    height, width = image.shape[:2]
    pitch = int(rng.integers(3, 8))
    ys, xs = np.mgrid[0:height, 0:width]
    dots = np.hypot((xs + (ys // pitch % 2) * pitch / 2) % pitch - pitch / 2, ys % pitch - pitch / 2) < pitch * 0.36
    band = ys < rng.uniform(0.1, 0.35) * height
    image[dots & (band if rng.random() < 0.5 else band[::-1])] *= np.float32(rng.uniform(0.2, 0.7))


def _specks(rng: np.random.Generator, image: Rgb) -> None:
    """Dust, rain or snow on the glass."""
    height, width = image.shape[:2]
    grain = noise.white(rng, height, width) + noise.smooth(rng, height, width, 3) * 0.7
    if rng.random() < 0.5:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), float(rng.uniform(0.6, 1.6))), np.float32) * 2
    hit = np.clip((grain - rng.uniform(1.0, 2.4)) * 2, 0, 1)[..., None].astype(np.float32)
    image += (np.float32(rng.uniform(0.4, 0.9)) - image) * hit * np.float32(rng.uniform(0.3, 1))


def clutter(rng: np.random.Generator, image: Rgb) -> None:
    """Scatter hoses, brackets, hinges and gaps over a panel, in place."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(2, 9))):
        tone = float(rng.choice([rng.uniform(0.01, 0.12), rng.uniform(0.1, 0.9)]))
        colour = (np.clip(tone + rng.normal(0, 0.02, 3), 0, 1)).tolist()
        start = np.array([rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height])
        if rng.random() < 0.5:
            steps = np.cumsum(rng.normal(0, 0.08 * width, (6, 2)) + rng.normal(0, 0.08 * width, 2), 0)
            thick = max(1, round(rng.uniform(0.004, 0.06) * width))
            path = [np.round(start + steps).astype(np.int32)]
            cv2.polylines(image, path, False, colour, thick, cv2.LINE_AA)
            shine = np.clip(np.array(colour) + rng.uniform(0.05, 0.3), 0, 1).tolist()
            cv2.polylines(image, [path[0] - thick // 4], False, shine, max(1, thick // 5), cv2.LINE_AA)
        else:
            size = (max(2, round(rng.uniform(0.01, 0.12) * width)), max(2, round(rng.uniform(0.01, 0.1) * width)))
            where = (round(start[0]), round(start[1]))
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(image, where, size, turn, 0, 360, colour, -1, cv2.LINE_AA)
            dark = (np.array(colour) * 0.3).tolist()
            cv2.ellipse(image, where, (max(1, size[0] // 2), max(1, size[1] // 2)), turn, 0, 360, dark, -1, cv2.LINE_AA)
