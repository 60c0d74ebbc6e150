"""Tiny generated photos: grey bars with noise; damage is a bright blot with a known mask."""

from pathlib import Path

import numpy as np

from shared.images import encode_png
from training.data.sample import Sample


def photo(seed: int, *, damaged: bool, size: tuple[int, int] = (48, 64)) -> tuple[np.ndarray, np.ndarray]:
    """One photo (H, W, 3) uint8 and its mask (H, W) bool."""
    rng = np.random.default_rng(seed)
    height, width = size
    bars = 90 + 40 * ((np.arange(width) // 8) % 2)
    pixels = np.repeat(bars[None], height, axis=0)[..., None] + rng.normal(0, 4, (height, width, 3))
    mask = np.zeros(size, bool)
    if damaged:
        top, left = int(rng.integers(4, height - 16)), int(rng.integers(4, width - 16))
        mask[top : top + 12, left : left + 12] = True
        pixels[mask] = rng.uniform(180, 255, (int(mask.sum()), 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


def write_photos(folder: Path, *, good: int, damaged: int) -> list[Sample]:
    """`good/` and `bad/blot/` with masks in `masks/`; also their samples."""
    samples = []
    for index in range(good + damaged):
        is_damaged = index >= good
        pixels, mask = photo(index, damaged=is_damaged)
        kind = "bad/blot" if is_damaged else "good"
        path, drawn = folder / kind / f"{index:03d}.png", folder / "masks" / f"{index:03d}.png"
        for target, picture in ((path, pixels), (drawn, mask.astype(np.uint8) * 255)):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode_png(picture))
        samples.append(
            Sample(
                name=f"{kind}/{index:03d}.png",
                source=path,
                label="damaged" if is_damaged else "good",
                mask=drawn if is_damaged else None,
                defect="blot" if is_damaged else "",
                polygon=((0, 0), (64, 0), (64, 48), (0, 48)),
            )
        )
    return samples
