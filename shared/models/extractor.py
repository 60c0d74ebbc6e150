"""Crops to features: one forward pass for all models that use the same backbone and input."""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from shared.models.backbone import Backbone
from shared.models.base import Features, Image
from shared.models.folding import fold_batch_norms
from shared.models.letterbox import letterbox
from shared.models.spec import ExtractorSpec, InputSpec
from shared.models.weights import load_weights

GAUSSIAN_FLOOR: Final = 1e-6
"""Least standard deviation of a picture's pixels; a picture of one colour becomes zeros, not NaN."""


class Extractor:
    """One backbone at one input size.

    Attributes:
        spec: with the digest of the weights filled in.
        dimensions: channels of all stages together.
        device: where the forward pass runs and the features lie.
        passes: forward passes so far.
        pictures: crops so far.
    """

    def __init__(self, spec: ExtractorSpec, backbone: Backbone, device: torch.device) -> None:
        self.spec = spec
        self.dimensions = backbone.dimensions
        self.device = device
        self.passes = 0
        self.pictures = 0
        self._backbone = backbone
        self._mean = torch.tensor(backbone.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(backbone.std, device=device).view(1, 3, 1, 1)

    def __call__(self, images: Sequence[Image]) -> Features:
        """One forward pass for N crops (H_i, W_i, 3) uint8 RGB of any sizes.

        Raises:
            ValueError: no crops, or one that is not a picture.
        """
        if not images:
            raise ValueError("an empty batch has no features")
        fitted = [letterbox(image, self.spec.input) for image in images]
        boxes = np.array([[b.top, b.left, b.height, b.width] for _, b in fitted], dtype=np.int64)
        sizes = np.array([image.shape[:2] for image in images], dtype=np.int64)
        pixels = self._scaled(np.stack([canvas for canvas, _ in fitted]))
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self._reduced):
            maps = self._backbone(pixels)
        self.passes += 1
        self.pictures += len(images)
        return Features(tuple(m.float() for m in maps), sizes, boxes)

    @property
    def _reduced(self) -> bool:
        return self.spec.precision == "bfloat16"

    def _scaled(self, canvases: NDArray[np.uint8]) -> torch.Tensor:
        """(N, H, W, 3) uint8 to (N, 3, H, W) float32 as `InputSpec.scaling` says; channels-last in memory."""
        # A permuted view of NHWC memory *is* the channels-last layout: nothing is copied but the bytes to the device.
        pixels = torch.from_numpy(canvases).to(self.device).permute(0, 3, 1, 2).float().div_(255)
        match self.spec.input.scaling:
            case "weights":
                return pixels.sub_(self._mean).div_(self._std)
            case "unit":
                return pixels
            case "gaussian":
                mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
                deviation = pixels.std(dim=(1, 2, 3), keepdim=True, correction=0).clamp_min_(GAUSSIAN_FLOOR)
                return pixels.sub_(mean).div_(deviation)


class ExtractorPool:
    """Hands out extractors so that equal specs share one, and equal backbones share their weights in memory.

    Safe to call from several threads; a score worker loads models beside the one that scores.
    """

    def __init__(self, device: str = "auto") -> None:
        """Run on `device`: a torch device name, or `auto` for CUDA where there is one."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        self._lock = threading.Lock()
        self._extractors: dict[tuple[str, tuple[int, ...], str, InputSpec, str], Extractor] = {}
        self._backbones: dict[tuple[str, tuple[int, ...], str], Backbone] = {}
        self._digests: dict[tuple[str, str], str] = {}

    @property
    def passes(self) -> int:
        """Forward passes of all extractors so far."""
        return sum(extractor.passes for extractor in self._extractors.values())

    def get(self, spec: ExtractorSpec) -> Extractor:
        """The extractor for `spec`; loads the backbone on first use.

        Raises:
            WeightsNotFound: see `weights.load_weights`.
            WeightsMismatch: likewise.
            ValueError: an unknown backbone or stage.
        """
        with self._lock:
            sha256 = spec.weights.sha256 or self._digests.get((spec.backbone, spec.weights.source))
            backbone = self._backbones.get((spec.backbone, spec.stages, sha256)) if sha256 else None
            if sha256 is None or backbone is None:
                sha256, backbone = self._load(spec)
            # Equal weights are equal wherever they came from, so the source is not part of the key.
            key = (spec.backbone, spec.stages, sha256, spec.input, spec.precision)
            if key not in self._extractors:
                self._extractors[key] = Extractor(spec.with_digest(sha256), backbone, self.device)
            return self._extractors[key]

    def _load(self, spec: ExtractorSpec) -> tuple[str, Backbone]:
        state, sha256 = load_weights(spec.backbone, spec.weights)
        backbone = fold_batch_norms(Backbone(spec.backbone, spec.stages, state))
        backbone = backbone.to(self.device).to(memory_format=torch.channels_last)
        self._digests[spec.backbone, spec.weights.source] = sha256
        self._backbones[spec.backbone, spec.stages, sha256] = backbone
        return sha256, backbone
