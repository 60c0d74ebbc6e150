"""Train the label detector on streamed synthetic scenes; checkpoints make a dead session resumable."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.models.detection import MaskRCNN

from shared.models.detector import save_detector
from shared.models.detector_net import DetectorConfig, as_image_list, build, normalise
from training.detector import scenes
from training.detector.backbone import load_imagenet

Progress = Callable[[int, int, float], None]
"""Called as `progress(step, steps, smoothed loss)`."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. ``steps`` counts steps of ``batch`` scenes; scene i is made from seed ``seed * 10^8 + i``."""

    steps: int = 3000
    batch: int = 8
    seed: int = 0
    learning_rate: float = 1.2e-3
    weight_decay: float = 1e-2
    warm_up: int = 150
    frozen_blocks: int = 3
    checkpoint_every: int = 100
    workers: int = 1


class _Scenes(Dataset[tuple[Tensor, tuple[int, int], Tensor]]):
    """Scenes by index, padded to a square; only pure seeds cross process borders."""

    def __init__(self, config: TrainConfig, side: int, first: int) -> None:
        self._base, self._first = config.seed * 10**8, first
        self._length = (config.steps * config.batch) - first
        self._side = side

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[int, int], Tensor]:
        made = scenes.make(self._base + self._first + index, self._side)
        height, width = made.mask.shape
        image = np.zeros((self._side, self._side, 3), np.uint8)
        image[:height, :width] = made.image
        mask = np.zeros((self._side, self._side), np.uint8)
        mask[:height, :width] = made.mask
        return torch.from_numpy(image).permute(2, 0, 1), (height, width), torch.from_numpy(mask)


def _collate(rows: list[tuple[Tensor, tuple[int, int], Tensor]]) -> tuple[Tensor, list[tuple[int, int]], Tensor]:
    images, sizes, masks = zip(*rows, strict=True)
    return torch.stack(images), list(sizes), torch.stack(masks)


def _target(mask: Tensor) -> dict[str, Tensor]:
    ys, xs = torch.nonzero(mask, as_tuple=True)
    if len(ys) < 20:  # too small a rest to call it a label
        empty = torch.zeros((0, 4))
        return {
            "boxes": empty,
            "labels": torch.zeros(0, dtype=torch.int64),
            "masks": torch.zeros((0, *mask.shape), dtype=torch.uint8),
        }
    box = torch.tensor([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], dtype=torch.float32)
    return {"boxes": box, "labels": torch.ones(1, dtype=torch.int64), "masks": mask[None]}


def losses(
    net: MaskRCNN, config: DetectorConfig, images: Tensor, sizes: list[tuple[int, int]], masks: Tensor
) -> dict[str, Tensor]:
    """Return torchvision's five Mask R-CNN losses of one batch (uint8 (N, 3, S, S), true sizes, uint8 (N, S, S))."""
    targets = [_target(mask) for mask in masks]
    batch = normalise(config, images).contiguous(memory_format=torch.channels_last)
    pyramid = net.backbone(batch)  # float32: the backward pass of depthwise convolutions is ten times slower in bf16
    listed = as_image_list(batch, sizes)
    proposals, rpn_losses = net.rpn(listed, pyramid, targets)
    # The pooling infers its strides from the padded size, and it does so once: see LabelDetector.
    padded = [(batch.shape[2], batch.shape[3])] * len(sizes)
    _, head_losses = net.roi_heads(pyramid, proposals, padded, targets)
    return {**rpn_losses, **head_losses}


def _schedule(config: TrainConfig, step: int) -> float:
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - config.warm_up) / max(1, config.steps - config.warm_up))) * 0.98 + 0.02


def _freeze(net: MaskRCNN, blocks: int) -> None:
    """Leave the stem and the first ``blocks`` stages as ImageNet taught them: edges are edges."""
    body = net.backbone.body
    frozen = [body.conv_stem, *list(body.blocks)[:blocks]] if hasattr(body, "blocks") else [body.conv1, body.layer1]
    for module in frozen:
        module.requires_grad_(requires_grad=False)


def train(
    out: Path,
    config: TrainConfig,
    detector: DetectorConfig,
    *,
    start: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Path:
    """Train and write ``out/weights.safetensors`` (float32); returns its path.

    ``out/checkpoint.pt`` and ``out/log.jsonl`` are kept up to date, and a checkpoint found there is
    resumed. ``start`` names float32 weights of an earlier round to begin with instead of ImageNet's.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "detector.json").write_text(json.dumps(detector.to_json()), encoding="utf-8")
    torch.manual_seed(config.seed)
    net = build(detector)
    if start is None:
        load_imagenet(net.backbone.body, detector.backbone)
    else:
        net.load_state_dict(load_file(start))
    _freeze(net, config.frozen_blocks)
    net.to(memory_format=torch.channels_last)
    trained = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    step, checkpoint = 0, out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        step = int(state["step"])
    net.train()
    average = math.nan
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        for images, sizes, masks in _batches(config, detector.input_size, step):
            torch.manual_seed(config.seed * 10**8 + step)  # so that a resumed run samples the same proposals
            parts = losses(net, detector, images, sizes, masks)
            total = torch.stack(list(parts.values())).sum()
            if not torch.isfinite(total):
                raise FloatingPointError(f"the loss is not finite at step {step}: {parts}")
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * _schedule(config, step)
            optimiser.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]  # torch leaves backward unannotated
            torch.nn.utils.clip_grad_norm_(trained, 5.0)
            optimiser.step()
            step += 1
            value = float(total.detach())
            average = value if math.isnan(average) else 0.98 * average + 0.02 * value
            progress(step, config.steps, average)
            if step % 25 == 0:
                log.write(
                    json.dumps({"step": step, "loss": average, **{k: float(v.detach()) for k, v in parts.items()}})
                    + "\n"
                )
                log.flush()
            if step % config.checkpoint_every == 0 or step == config.steps:
                _save(out, net, optimiser, step)
    return out / "weights.safetensors"


def export(folder: Path, to: Path) -> Path:
    """Write the fp16 file that ships from a folder that ``train`` wrote.

    Raises FileNotFoundError when the folder has no weights yet.
    """
    weights = folder / "weights.safetensors"
    if not weights.exists():
        raise FileNotFoundError(f"{weights} does not exist; train first")
    detector = DetectorConfig.from_json(json.loads((folder / "detector.json").read_text(encoding="utf-8")))
    net = build(detector)
    net.load_state_dict(load_file(weights))
    return save_detector(to, net, detector)


def _save(out: Path, net: MaskRCNN, optimiser: torch.optim.Optimizer, step: int) -> None:
    part = out / "checkpoint.part"
    state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, part)
    part.replace(out / "checkpoint.pt")
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, out / "weights.safetensors")


def _batches(config: TrainConfig, side: int, step: int) -> Iterator[tuple[Tensor, list[tuple[int, int]], Tensor]]:
    data = _Scenes(config, side, step * config.batch)
    if len(data) == 0:
        return
    yield from DataLoader(
        data,
        batch_size=config.batch,
        num_workers=config.workers,
        collate_fn=_collate,
        prefetch_factor=6 if config.workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
