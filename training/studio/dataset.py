"""Write studio photos as a data set folder: pictures, damage masks, and one manifest line a photo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.studio.photo import StudioPhoto

MANIFEST = "manifest.jsonl"


def write_dataset(folder: Path, photos: Iterable[StudioPhoto]) -> Path:
    """Write ``photos`` under ``folder`` and return the manifest's path.

    Stationary photos become PNG (lossless, as a line camera delivers them), mobile ones JPEG; masks
    are 8-bit PNG, 255 = damage. The manifest appears last and whole, so a folder without one is
    known to be unfinished. Raises FileExistsError when ``folder`` already holds a manifest.
    """
    manifest = folder / MANIFEST
    if manifest.exists():
        msg = f"{manifest} already exists; choose an empty folder"
        raise FileExistsError(msg)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    draft = manifest.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as lines:
        for index, photo in enumerate(photos):
            lines.write(json.dumps(_write_photo(folder, index, photo)) + "\n")
    return draft.replace(manifest)


def _write_photo(folder: Path, index: int, photo: StudioPhoto) -> dict[str, Any]:
    suffix = "png" if photo.camera == "stationary" else "jpg"
    image = f"images/{index:06d}.{suffix}"
    _write(folder / image, np.ascontiguousarray(photo.image[..., ::-1]))
    mask = None
    if photo.damage is not None:
        mask = f"masks/{index:06d}.png"
        _write(folder / mask, photo.mask.astype(np.uint8) * 255)
    return {
        "image": image,
        "label": "good" if photo.damage is None else "damaged",
        "mask": mask,
        "part": photo.part,
        "layout": photo.layout,
        "camera": photo.camera,
        "defect": photo.damage,
        "severity": round(photo.severity, 4),
        "polygon": np.round(photo.polygon.astype(float), 2).tolist(),
    }


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    # Quality 95: the phone has compressed the photo already, and doing so again must not show.
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if not cv2.imwrite(str(path), pixels, options):
        msg = f"could not write {path}"
        raise OSError(msg)
