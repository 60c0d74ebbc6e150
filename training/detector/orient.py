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
from training.detector import backdrops, scenes
from training.studio import body, camera, light


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
    wobble = 0.02 if rng.random() < 0.75 else 0.06
    askew = corners + rng.normal(0, wobble, (4, 2)) * (width * scale, height * scale)
    return geometry.rectify(shot, askew.astype(np.float32), *geometry.native_size(corners.astype(np.float32)))


def blank(seed: int, side: int = 320) -> Image:
    """Make a crop without any label: what a wrong detection shows. It has no reading direction."""
    rng = np.random.default_rng([8, seed])
    shape = (round(side * rng.uniform(0.15, 0.8)), side)
    backdrop = backdrops.windscreen(rng, *shape) if rng.random() < 0.6 else body.panel(rng, *shape, busy=3)
    if rng.random() < 0.4:
        backdrops.clutter(rng, backdrop)
    lamps, flare = light.hand_held(rng, *shape), light.glare(rng, *shape, 1.5)
    planes = [np.asarray(np.maximum(plane, 0) * lamps + flare, np.float32) for plane in cv2.split(backdrop)]
    return camera.mobile(rng, planes, harshness=0.8)


def train(
    out: Path, *, steps: int, seed: int = 0, labels: int = 6000, progress: Callable[[int, int], None] = lambda *_: None
) -> Path:
    """Train on ``labels`` synthetic labels and write the fp16 weights to ``out``; the last tenth measures accuracy."""
    torch.manual_seed(seed)
    base = seed * 10**7
    data = torch.from_numpy(np.stack([prepare(sample(base + index)) for index in range(labels)]))
    nothing = torch.from_numpy(np.stack([prepare(blank(base + index)) for index in range(labels // 6)]))
    held = labels // 10
    net = OrientationNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    loss_of = nn.BCEWithLogitsLoss()
    draw = torch.Generator().manual_seed(seed)
    for step in range(steps):
        chosen = torch.randint(0, labels - held, (40,), generator=draw)
        empty = torch.randint(0, len(nothing), (8,), generator=draw)
        batch = _jitter(torch.cat([data[chosen], nothing[empty]]), draw)
        turned = torch.rand(len(batch), generator=draw) < 0.5
        batch = torch.where(turned[:, None, None, None], torch.flip(batch, (2, 3)), batch)
        target = turned.float() * 0.98 + 0.01
        target[len(chosen) :] = 0.5  # nothing to read: the network shall learn to be unsure
        loss = loss_of(net(batch), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        progress(step + 1, steps)
    net.eval()
    with torch.inference_mode():
        accuracy = float((net(data[-held:]) < 0).float().mean())
    facts: dict[str, object] = {"steps": steps, "seed": seed, "labels": labels, "held_out_accuracy": accuracy}
    return save_orientation(out, net, facts)


def _jitter(batch: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Shift by a few pixels and add noise: the cached crops are few."""
    dy, dx = (int(torch.randint(-6, 7, (1,), generator=draw)) for _ in range(2))
    noise = torch.randn(batch.shape, generator=draw) * 0.08
    return torch.roll(batch, (dy, dx), (2, 3)) + noise
