"""One forward pass for all models that use the same weights, input and precision, whichever stages each takes."""

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
from shared.models.weights import WeightsMismatch, load_weights

GAUSSIAN_FLOOR: Final = 1e-6
"""Least standard deviation of a picture's pixels; a picture of one colour becomes zeros, not NaN."""


class Network:
    """A backbone's weights in memory, down to the deepest stage that anybody asked for. Thread-safe.

    A stage's features do not depend on how much of the network comes after it: the same layers run on the same pixels.
    So a deeper network gives bit for bit the features of a shallower one.

    Args:
        device: where it lies.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._backbone: Backbone | None = None

    @property
    def backbone(self) -> Backbone:
        """The layers, as deep as they go by now."""
        if self._backbone is None:
            raise RuntimeError("this network was not loaded")
        return self._backbone

    def reach(self, spec: ExtractorSpec) -> str:
        """See that the stages of `spec` are there; answers the digest of the weights.

        Raises:
            WeightsNotFound: see `weights.load_weights`.
            WeightsMismatch: likewise.
            ValueError: an unknown backbone or stage.
        """
        with self._lock:
            held = self._backbone
            if held is not None and held.reaches(spec.stages):
                return held.digest
            state, sha256 = load_weights(spec.backbone, spec.weights)
            if held is not None and sha256 != held.digest:
                raise WeightsMismatch(
                    f"the weights of {spec.backbone} from {spec.weights.source} are others than those loaded before"
                )
            folded = fold_batch_norms(Backbone(spec.backbone, spec.stages, state, digest=sha256))
            # The line goes on with the shallower one until this is whole.
            self._backbone = folded.to(self.device).to(memory_format=torch.channels_last)
            return sha256


class Trunk:
    """One network at one input size and one precision.

    Attributes:
        device: where the forward pass runs and the features lie.
        passes: forward passes so far.
        pictures: crops so far.
    """

    def __init__(self, network: Network, spec: ExtractorSpec) -> None:
        """Of `spec` the input and the precision count; its stages are loaded, more may follow."""
        self.device = network.device
        self.network = network
        self.passes = 0
        self.pictures = 0
        self._counting = threading.Lock()
        self._input: InputSpec = spec.input
        self._reduced = spec.precision == "bfloat16"
        self._mean = torch.tensor(network.backbone.mean, device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(network.backbone.std, device=self.device).view(1, 3, 1, 1)

    def __call__(self, images: Sequence[Image], stages: Sequence[int]) -> Features:
        """One forward pass for N crops (H_i, W_i, 3) uint8 RGB of any sizes, no deeper than the last of `stages`.

        `stages` ascend; so do the features' maps.

        Raises:
            ValueError: no crops, or one that is not a picture.
        """
        if not images:
            raise ValueError("an empty batch has no features")
        fitted = [letterbox(image, self._input) for image in images]
        boxes = np.array([[b.top, b.left, b.height, b.width] for _, b in fitted], dtype=np.int64)
        sizes = np.array([image.shape[:2] for image in images], dtype=np.int64)
        pixels = self.scaled(np.stack([canvas for canvas, _ in fitted]))
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self._reduced):
            maps = self.network.backbone(pixels, stages)
        with self._counting:
            self.passes += 1
            self.pictures += len(images)
        return Features(tuple(m.float() for m in maps), sizes, boxes)

    def scaled(self, canvases: NDArray[np.uint8]) -> torch.Tensor:
        """(N, H, W, 3) uint8 to (N, 3, H, W) float32 as `InputSpec.scaling` says; channels-last in memory."""
        # A permuted view of NHWC memory *is* the channels-last layout: nothing is copied but the bytes to the device.
        pixels = torch.from_numpy(canvases).to(self.device).permute(0, 3, 1, 2).float().div_(255)
        match self._input.scaling:
            case "weights":
                return pixels.sub_(self._mean).div_(self._std)
            case "unit":
                return pixels
            case "gaussian":
                mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
                deviation = pixels.std(dim=(1, 2, 3), keepdim=True, correction=0).clamp_min_(GAUSSIAN_FLOOR)
                return pixels.sub_(mean).div_(deviation)
