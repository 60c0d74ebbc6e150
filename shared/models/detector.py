"""Find the label in a photo: the inference side of the Mask R-CNN whose weights ship with the product."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN

from shared.models.base import Image
from shared.models.detector_net import DetectorConfig, as_image_list, build, normalise

SHIPPED: Final = "label_detector.safetensors"
_FORMAT: Final = "linegate.label-detector.v1"
_STRIDE: Final = 32


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
        height, width = (-(-max(side) // _STRIDE) * _STRIDE for side in zip(*sizes, strict=True))
        batch = np.zeros((len(small), height, width, 3), np.uint8)
        for row, picture in zip(batch, small, strict=True):
            row[: picture.shape[0], : picture.shape[1]] = picture
        with torch.inference_mode():
            tensor = normalise(self._config, torch.from_numpy(batch).permute(0, 3, 1, 2))
            pyramid = self._net.backbone(tensor)
            proposals, _ = self._net.rpn(as_image_list(tensor, sizes), pyramid)
            found, _ = self._net.roi_heads(pyramid, proposals, sizes)
        return [self._detection(one, image, size) for one, image, size in zip(found, images, sizes, strict=True)]

    def _detection(self, found: dict[str, torch.Tensor], image: Image, size: tuple[int, int]) -> Detection | None:
        if len(found["scores"]) == 0 or float(found["scores"][0]) < self.score_threshold:
            return None
        height, width = image.shape[:2]
        scale = np.array([width / size[1], height / size[0]] * 2, np.float32)
        box = found["boxes"][0].numpy().astype(np.float32) * scale
        return Detection(float(found["scores"][0]), box, _paste(found["masks"][0, 0].numpy(), box, height, width))


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


def _paste(cells: NDArray[np.float32], box: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """Enlarge the mask head's cells to the box at the photo's resolution; the cells span the box edge to edge."""
    x0, y0 = max(int(np.floor(box[0])), 0), max(int(np.floor(box[1])), 0)
    x1, y1 = min(int(np.ceil(box[2])), width), min(int(np.ceil(box[3])), height)
    # A ring of empty cells: the silhouette ends inside the box, and interpolation needs to know it.
    padded = np.pad(cells, 1)
    step_x, step_y = (box[2] - box[0]) / cells.shape[1], (box[3] - box[1]) / cells.shape[0]
    xs = ((np.arange(x0, x1, dtype=np.float32) + 0.5 - box[0]) / step_x + 0.5).astype(np.float32)
    ys = ((np.arange(y0, y1, dtype=np.float32) + 0.5 - box[1]) / step_y + 0.5).astype(np.float32)
    grid_x, grid_y = np.meshgrid(xs, ys)
    share = cv2.remap(padded, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((height, width), np.bool_)
    mask[y0:y1, x0:x1] = share > 0.5
    return mask
