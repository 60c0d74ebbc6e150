"""The studio's public interface: one seeded photo, or a stream of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.studio import body, camera, damage, fields, label, light, scene, surface
from training.studio.camera import CAMERA_KINDS, CameraKind
from training.studio.damage import DAMAGE_KINDS, DamageKind
from training.studio.layouts import LAYOUTS, Layout

_STATION_SIZE = (640, 1024)
_STATION_SCALE = 6.6
_PHONE_SIZE = (960, 1280)


@dataclass(frozen=True, slots=True)
class StudioPhoto:
    """One photo with its ground truth.

    ``image`` is uint8 (H, W, 3) RGB; ``polygon`` float32 (4, 2), the undamaged label's corners in
    reading order; ``mask`` bool (H, W), the damage, empty on a good label; ``label_mask`` bool
    (H, W), the label still visible; ``severity`` in [0, 1], 0 on a good label.
    """

    image: NDArray[np.uint8]
    polygon: NDArray[np.float32]
    mask: NDArray[np.bool_]
    label_mask: NDArray[np.bool_]
    part: str
    vin: str
    layout: str
    camera: CameraKind
    damage: DamageKind | None
    severity: float


def photograph(
    seed: int,
    *,
    layout: str,
    camera: CameraKind,
    damage: DamageKind | None = None,
    severity: float | None = None,
) -> StudioPhoto:
    """Make one photo; the same arguments give the same pixels.

    ``severity`` in (0, 1] is drawn when a ``damage`` is asked for without one. Raises ValueError on
    an unknown layout, camera or damage, on a severity outside (0, 1], and on a severity without damage.
    """
    plan = _check(layout, camera, damage, severity)
    rng = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF])
    text = fields.draw(rng)
    polygon, size = (_at_station if camera == "stationary" else _by_hand)(rng, plan)
    wide = float(np.linalg.norm(polygon[1] - polygon[0]))
    print_ = label.render(plan, text, scale=float(np.clip(1.15 * wide / plan.width, 3.5, 8.0)))
    film = surface.fresh(rng, print_)
    level = 0.0
    if damage is not None:
        level = _draw_severity(rng) if severity is None else severity
        _inflict(rng, film, damage, level)
    image, coverage, mask = (_shoot_station if camera == "stationary" else _shoot_phone)(rng, film, polygon, size)
    return StudioPhoto(image, polygon, mask, coverage > 0.5, text["part"], text["vin"], layout, camera, damage, level)


_draw_severity = damage.draw_severity
_inflict = damage.inflict  # `photograph` has an argument of the module's name


def photographs(
    count: int,
    *,
    seed: int,
    damaged: float,
    layouts: Sequence[str] = tuple(LAYOUTS),
    cameras: Sequence[CameraKind] = CAMERA_KINDS,
) -> Iterator[StudioPhoto]:
    """Yield ``count`` photos of which the share ``damaged`` (exactly, up to rounding) has a defect.

    Layouts, cameras and damages are drawn evenly. Raises ValueError when ``damaged`` is not in [0, 1].
    """
    if not 0 <= damaged <= 1:
        msg = f"damaged is a share between 0 and 1, got {damaged}"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    bad = np.zeros(count, np.bool_)
    bad[: round(count * damaged)] = True
    rng.shuffle(bad)
    for is_bad in bad:
        yield photograph(
            int(rng.integers(2**62)),
            layout=layouts[int(rng.integers(len(layouts)))],
            camera=cameras[int(rng.integers(len(cameras)))],
            damage=DAMAGE_KINDS[int(rng.integers(len(DAMAGE_KINDS)))] if is_bad else None,
        )


def _check(layout: str, camera: str, damage: str | None, severity: float | None) -> Layout:
    if layout not in LAYOUTS:
        msg = f"unknown layout {layout!r}; choose one of {', '.join(LAYOUTS)}"
        raise ValueError(msg)
    if camera not in CAMERA_KINDS:
        msg = f"unknown camera {camera!r}; choose one of {', '.join(CAMERA_KINDS)}"
        raise ValueError(msg)
    if damage is not None and damage not in DAMAGE_KINDS:
        msg = f"unknown damage {damage!r}; choose one of {', '.join(DAMAGE_KINDS)}"
        raise ValueError(msg)
    if damage is None and severity is not None:
        msg = "a severity needs a damage"
        raise ValueError(msg)
    return LAYOUTS[layout]


def _at_station(rng: np.random.Generator, plan: Layout) -> tuple[NDArray[np.float32], tuple[int, int]]:
    height, width = _STATION_SIZE
    tilt = tuple(np.array([0.035, -0.025, 0.0]) + rng.normal(0, [0.004, 0.004, 0.008]))
    centre = (width / 2 + rng.normal(0, 4), height / 2 + rng.normal(0, 4))
    pixels = plan.width * _STATION_SCALE * rng.normal(1, 0.004)
    corners = scene.project((plan.width, plan.height), tilt=tilt, width=pixels, centre=centre, distance=5.0)
    return corners, _STATION_SIZE


def _by_hand(rng: np.random.Generator, plan: Layout) -> tuple[NDArray[np.float32], tuple[int, int]]:
    height, width = _PHONE_SIZE if rng.random() < 0.8 else _PHONE_SIZE[::-1]
    turn = rng.normal(0, 0.12) + (np.pi if rng.random() < 0.06 else 0.0)
    tilt = (float(np.clip(rng.normal(0, 0.22), -0.6, 0.6)), float(np.clip(rng.normal(0, 0.24), -0.6, 0.6)), turn)
    pixels = width * rng.uniform(0.32, 0.8)
    shape = scene.project(
        (plan.width, plan.height), tilt=tilt, width=pixels, centre=(0, 0), distance=float(rng.uniform(1.6, 4))
    )
    low, high = shape.min(0), shape.max(0)
    free = np.array([width, height]) - (high - low)
    shape *= min(1.0, *(np.array([width, height]) * 0.96 / (high - low)))
    low, high = shape.min(0), shape.max(0)
    free = np.array([width, height]) - (high - low)
    return (shape - low + free * np.clip(rng.normal(0.5, 0.2, 2), 0.02, 0.98)).astype(np.float32), (height, width)


Shot = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]


def _shoot_station(
    rng: np.random.Generator, film: surface.Surface, polygon: NDArray[np.float32], size: tuple[int, int]
) -> Shot:
    backdrop = body.panel(rng, *size, busy=0.25)
    planes, coverage, mask = scene.compose(backdrop, film, polygon, (1.0, 1.0, 1.0))
    lamps = light.station(*size)
    planes = [plane * lamps for plane in planes]
    return camera.stationary(rng, planes), coverage, mask


def _shoot_phone(
    rng: np.random.Generator, film: surface.Surface, polygon: NDArray[np.float32], size: tuple[int, int]
) -> Shot:
    backdrop = body.panel(rng, *size)
    tint = tuple((1 + rng.normal(0, 0.012, 3)).tolist())
    planes, coverage, mask = scene.compose(backdrop, film, polygon, tint)
    lamps, flare = light.hand_held(rng, *size), light.glare(rng, *size)
    planes = [plane * lamps + flare for plane in planes]
    return camera.mobile(rng, planes), coverage, mask
