"""Train the network that tells a label from the same label upside down, on synthetic labels only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from shared import geometry
from shared.models.base import Image
from shared.models.orientation import OrientationNet, prepare, save_orientation
from training.detector import scenes
from training.studio import camera, light


def sample(seed: int, side: int = 320) -> Image:
    """Make one upright label, cropped as the detector would crop it: a little askew, lit and shot by a phone."""
    rng = np.random.default_rng([7, seed])
    item = scenes.label_item(rng, side)
    height, width = item.alpha.shape
    scale = rng.uniform(0.3, 1.0)
    pad = round(0.08 * width)
    colour = cv2.copyMakeBorder(
        item.colour, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=[float(rng.uniform(0, 0.9))] * 3
    )
    shape = (max(24, round(colour.shape[0] * scale)), max(48, round(colour.shape[1] * scale)))
    small = cv2.resize(colour, shape[::-1], interpolation=cv2.INTER_AREA)
    lamps, flare = light.hand_held(rng, *shape), light.glare(rng, *shape, 0.7)
    planes = [np.asarray(plane * lamps + flare, np.float32) for plane in cv2.split(small)]
    shot = camera.mobile(rng, planes, harshness=0.8)
    left, top = pad * scale, pad * scale
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) * np.float32(scale) + (left, top)
    askew = corners + rng.normal(0, 0.02, (4, 2)) * (width * scale, height * scale)
    return geometry.rectify(shot, askew.astype(np.float32), *geometry.native_size(corners.astype(np.float32)))


def train(
    out: Path, *, steps: int, seed: int = 0, labels: int = 6000, progress: Callable[[int, int], None] = lambda *_: None
) -> Path:
    """Train on ``labels`` synthetic labels and write the fp16 weights to ``out``; the last tenth measures accuracy."""
    torch.manual_seed(seed)
    crops = np.stack([prepare(sample(seed * 10**7 + index)) for index in range(labels)])
    held = labels // 10
    data = torch.from_numpy(crops)
    net = OrientationNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    loss_of = nn.BCEWithLogitsLoss()
    draw = torch.Generator().manual_seed(seed)
    for step in range(steps):
        chosen = torch.randint(0, labels - held, (48,), generator=draw)
        batch = _jitter(data[chosen], draw)
        turned = torch.rand(len(batch), generator=draw) < 0.5
        batch = torch.where(turned[:, None, None, None], torch.flip(batch, (2, 3)), batch)
        loss = loss_of(net(batch), turned.float() * 0.98 + 0.01)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        progress(step + 1, steps)
    net.eval()
    with torch.inference_mode():
        accuracy = float((net(data[-held:]) < 0).float().mean())
    return save_orientation(out, net, {"steps": steps, "seed": seed, "labels": labels, "held_out_accuracy": accuracy})


def _jitter(batch: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Shift by a few pixels and add noise: the cached crops are few."""
    dy, dx = (int(torch.randint(-6, 7, (1,), generator=draw)) for _ in range(2))
    noise = torch.randn(batch.shape, generator=draw) * 0.08
    return torch.roll(batch, (dy, dx), (2, 3)) + noise
