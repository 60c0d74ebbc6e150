"""From light to pixels: exposure, white balance, blur, noise, compression."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio import noise
from training.studio.scene import Planes

CameraKind = Literal["stationary", "mobile"]
CAMERA_KINDS: tuple[CameraKind, ...] = get_args(CameraKind)


def stationary(rng: np.random.Generator, planes: Planes) -> NDArray[np.uint8]:
    """Develop a line camera's photo: monochrome (three equal channels), sharp, little noise, lossless."""
    grey = planes[0] * np.float32(0.299) + planes[1] * np.float32(0.587) + planes[2] * np.float32(0.114)
    grey = _tone(grey * np.float32(rng.normal(1.0, 0.015)))
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.60, 0.72))), np.float32)
    height, width = grey.shape
    grey = grey + noise.white(rng, height, width) * (np.float32(0.006) + np.float32(0.008) * grey)
    pixels = np.asarray(np.clip(grey * 255, 0, 255), np.uint8)
    return np.asarray(cv2.merge([pixels, pixels, pixels]), np.uint8)


def mobile(rng: np.random.Generator, planes: Planes, *, harshness: float = 1.0) -> NDArray[np.uint8]:
    """Develop a phone's photo: exposure and white balance off, defocus or shake, noise, JPEG artefacts."""
    gain = float(np.exp(rng.normal(0.05, 0.22)))
    balance = np.exp(rng.normal(0, 0.05, 3)) * np.exp(np.array([1, 0, -1]) * rng.normal(0, 0.06))
    sigma = abs(float(rng.normal(0, 0.9 * harshness))) + 0.45
    read = float(rng.uniform(0.004, 0.022)) * harshness
    kernel = _shake(rng) if rng.random() < 0.12 * harshness else None
    height, width = planes[0].shape
    channels = []
    for plane, share in zip(planes, balance, strict=True):
        out = _tone(plane * np.float32(gain * share))
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), sigma), np.float32)
        if kernel is not None:
            out = np.asarray(cv2.filter2D(out, -1, kernel), np.float32)
        out = out + noise.white(rng, height, width) * np.float32(read)
        channels.append(np.asarray(np.clip(out * 255, 0, 255), np.uint8))
    quality = int(rng.integers(55, 95))
    # OpenCV thinks in BGR; the codec only needs to be fed and read the same way round.
    _, jpeg = cv2.imencode(".jpg", cv2.merge(channels[::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError("OpenCV could not read back its own JPEG")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _tone(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """A camera's shoulder: highlights roll off before they clip."""
    return np.asarray(np.where(linear > 0.75, 1 - 0.25 * np.exp(-(linear - 0.75) * 4), linear), np.float32)


def _shake(rng: np.random.Generator) -> NDArray[np.float32]:
    size = int(rng.integers(2, 6)) * 2 + 1
    kernel = np.zeros((size, size), np.float32)
    turn, half = rng.uniform(0, np.pi), (size - 1) / 2
    dx, dy = half * np.cos(turn), half * np.sin(turn)
    cv2.line(kernel, (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy)), 1.0, 1, cv2.LINE_AA)
    return np.asarray(kernel / kernel.sum(), np.float32)
