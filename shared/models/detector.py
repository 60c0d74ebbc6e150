"""Find the label in a photo: the inference side of the Mask R-CNN whose weights ship with the product."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models.detection import MaskRCNN
from torchvision.ops import clip_boxes_to_image

from shared.models.base import Image
from shared.models.detector_net import DetectorConfig, as_image_list, build, normalise

SHIPPED: Final = "label_detector.safetensors"
_FORMAT: Final = "linegate.label-detector.v1"
_ROOM: Final = 0.14
"""Share by which a box is widened on each side before the mask is drawn: a box that is off shall not cut the label."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One label in one photo.

    Attributes:
        score: confidence in [0, 1].
        box: (4,) float32, x0 y0 x1 y1 in pixels of the photo.
        mask: (H, W) bool, the label's silhouette at the photo's resolution.
    """

    score: float
    box: NDArray[np.float32]
    mask: NDArray[np.bool_]


class LabelDetector:
    """The best label of each photo, or None; deterministic, and safe to share between threads."""

    def __init__(self, net: MaskRCNN, config: DetectorConfig, *, digest: str, score_threshold: float = 0.05) -> None:
        """`digest` is the sha256 of the weights file; detections below `score_threshold` are dropped.

        The threshold is low on purpose: the station's `presence` decides, and a near miss is told apart
        from nothing at all.
        """
        self._net = net.eval().to(memory_format=torch.channels_last).requires_grad_(requires_grad=False)
        self._config = config
        self.digest = digest
        self.score_threshold = score_threshold

    @classmethod
    def load(cls, path: Path | None = None, *, score_threshold: float = 0.05) -> Self:
        """Load a weights file, or the shipped one.

        Raises FileNotFoundError when it is absent, ValueError when it is no label detector.
        """
        if path is None:
            with as_file(files("shared.models").joinpath("weights", SHIPPED)) as shipped:
                return cls.load(shipped, score_threshold=score_threshold)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"{path} holds {metadata.get('format')!r}, not {_FORMAT!r}")
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
        config = DetectorConfig.from_json(json.loads(metadata["config"]))
        net = build(config)
        net.load_state_dict(state)
        return cls(net, config, digest=digest, score_threshold=score_threshold)

    def detect(self, images: Sequence[Image]) -> list[Detection | None]:
        """Find the label with the highest score in each photo: uint8 (H, W, 3) RGB, any sizes, one forward pass."""
        if not images:
            return []
        small = [_fit(image, self._config.input_size) for image in images]
        sizes = [(picture.shape[0], picture.shape[1]) for picture in small]
        # Always the same square, as in training: what a photo's batch mates look like must not change its answer.
        batch = np.zeros((len(small), self._config.input_size, self._config.input_size, 3), np.uint8)
        for row, picture in zip(batch, small, strict=True):
            row[: picture.shape[0], : picture.shape[1]] = picture
        with torch.inference_mode():
            tensor = normalise(self._config, torch.from_numpy(batch).permute(0, 3, 1, 2))
            pyramid = self._net.backbone(tensor)
            proposals, _ = self._net.rpn(as_image_list(tensor, sizes), pyramid)
            best = self._best_boxes(pyramid, proposals, sizes)
            masks = self._masks(pyramid, [roomy for _, roomy, _ in best])
        return [
            None
            if score < self.score_threshold
            else Detection(score, box.numpy() * scale, _paste(cells, roomy, scale, image))
            for (box, roomy, score), cells, image, scale in zip(
                best, masks, images, map(_scale, images, sizes), strict=True
            )
        ]

    def _best_boxes(
        self, pyramid: dict[str, Tensor], proposals: list[Tensor], sizes: list[tuple[int, int]]
    ) -> list[tuple[Tensor, Tensor, float]]:
        """The best box of each photo, the same box with room around it, and its score (0 where there is none)."""
        heads: Any = self._net.roi_heads
        features = heads.box_head(heads.box_roi_pool(pyramid, proposals, self._squares(len(sizes))))
        boxes, scores, _ = heads.postprocess_detections(*heads.box_predictor(features), proposals, sizes)
        best = []
        for box, score, (height, width) in zip(boxes, scores, sizes, strict=True):
            if len(score) == 0:
                nothing = torch.tensor([0.0, 0.0, width, height])
                best.append((nothing, nothing, 0.0))
                continue
            room = (box[0, 2:] - box[0, :2]).repeat(2) * torch.tensor([-_ROOM, -_ROOM, _ROOM, _ROOM])
            best.append((box[0], clip_boxes_to_image(box[0] + room, (height, width)), float(score[0])))
        return best

    def _squares(self, count: int) -> list[tuple[int, int]]:
        """The padded size of each photo. torchvision's pooling infers its strides from it, once and for all."""
        return [(self._config.input_size, self._config.input_size)] * count

    def _masks(self, pyramid: dict[str, Tensor], boxes: list[Tensor]) -> list[Tensor]:
        """Each box's mask cells, (2 x mask_cells, 2 x mask_cells) in 0..1."""
        heads: Any = self._net.roi_heads
        pooled = heads.mask_roi_pool(pyramid, [box[None] for box in boxes], self._squares(len(boxes)))
        return list(torch.sigmoid(heads.mask_predictor(heads.mask_head(pooled)))[:, 1])


def _scale(image: Image, size: tuple[int, int]) -> NDArray[np.float32]:
    """Factors (x, y, x, y) from the picture that the network saw, of (height, width) `size`, to the photo."""
    return np.array([image.shape[1] / size[1], image.shape[0] / size[0]] * 2, np.float32)


def save_detector(path: Path, net: MaskRCNN, config: DetectorConfig) -> Path:
    """Write a network as the fp16 weights file that `LabelDetector.load` reads."""
    state = {name: _half(tensor) for name, tensor in net.state_dict().items()}
    save_file(state, path, {"format": _FORMAT, "config": json.dumps(config.to_json(), sort_keys=True)})
    return path


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half().contiguous() if tensor.is_floating_point() else tensor.contiguous()


def _fit(image: Image, side: int) -> Image:
    """Resize so that the longer side is `side`; averaging when shrinking, or small print would alias."""
    factor = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _paste(cells: Tensor, box: Tensor, scale: NDArray[np.float32], image: Image) -> NDArray[np.bool_]:
    """Enlarge mask cells to the photo: they span the box, given in the pixels that the network saw, edge to edge."""
    height, width = image.shape[:2]
    # torchvision rasterises the masks it trains on half a pixel too far up and left: undo it.
    left, top, right, bottom = (box.numpy() + np.float32(0.5)) * scale
    x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    x1, y1 = min(int(np.ceil(right)), width), min(int(np.ceil(bottom)), height)
    # A ring of empty cells: the silhouette ends inside the box, and interpolation needs to know it.
    padded = np.pad(cells.numpy(), 1)
    step_x, step_y = (right - left) / cells.shape[1], (bottom - top) / cells.shape[0]
    xs = ((np.arange(x0, x1, dtype=np.float32) + 0.5 - left) / step_x + 0.5).astype(np.float32)
    ys = ((np.arange(y0, y1, dtype=np.float32) + 0.5 - top) / step_y + 0.5).astype(np.float32)
    grid_x, grid_y = np.meshgrid(xs, ys)
    share = cv2.remap(padded, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((height, width), np.bool_)
    mask[y0:y1, x0:x1] = share > 0.5
    return mask
