"""Crops to features: one forward pass for all models that use the same backbone, weights and input."""

import threading
from collections.abc import Sequence
from typing import Final, TypeAlias

import torch

from shared.models.base import Features, Image
from shared.models.spec import ExtractorSpec, InputSpec
from shared.models.trunk import Network, Trunk

_Source: TypeAlias = tuple[str, str]
"""Backbone and the digest of its weights, or where they come from while that is not known."""


class Extractor:
    """Some stages of a trunk.

    Attributes:
        spec: with the digest of the weights filled in.
        trunk: what runs the forward pass, shared by all extractors that differ in their stages only.
        dimensions: channels of all stages together.
    """

    def __init__(self, spec: ExtractorSpec, trunk: Trunk) -> None:
        self.spec = spec
        self.trunk = trunk
        self.dimensions = trunk.network.backbone.dimensions(spec.stages)

    @property
    def device(self) -> torch.device:
        """Where the forward pass runs and the features lie."""
        return self.trunk.device

    @property
    def passes(self) -> int:
        """Forward passes of the trunk so far."""
        return self.trunk.passes

    @property
    def pictures(self) -> int:
        """Crops that went through the trunk so far."""
        return self.trunk.pictures

    def __call__(self, images: Sequence[Image]) -> Features:
        """One forward pass for N crops (H_i, W_i, 3) uint8 RGB of any sizes.

        Raises:
            ValueError: no crops, or one that is not a picture.
        """
        return self.trunk(images, self.spec.stages)


class ExtractorPool:
    """Hands out extractors so that equal specs share one, and equal weights one forward pass and their memory.

    Safe to call from several threads: a score worker loads models beside the one that scores. Weights that are long in
    coming delay nobody who needs others.
    """

    def __init__(self, device: str = "auto") -> None:
        """Run on `device`: a torch device name, or `auto` for CUDA where there is one."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device: Final = torch.device(device)
        self._lock = threading.Lock()
        self._networks: dict[_Source, Network] = {}
        self._trunks: dict[tuple[_Source, InputSpec, str], Trunk] = {}
        self._extractors: dict[tuple[_Source, tuple[int, ...], InputSpec, str], Extractor] = {}
        self._digests: dict[_Source, str] = {}

    @property
    def passes(self) -> int:
        """Forward passes so far."""
        with self._lock:
            return sum(trunk.passes for trunk in self._trunks.values())

    def get(self, spec: ExtractorSpec) -> Extractor:
        """The extractor for `spec`; loads the backbone on first use.

        Raises:
            WeightsNotFound: see `weights.load_weights`.
            WeightsMismatch: likewise.
            ValueError: an unknown backbone or stage.
        """
        key = self._key(spec)
        with self._lock:
            network = self._networks.setdefault(key, Network(self.device))
        # Without the pool's lock: it may read a file, or ask a hub.
        sha256 = network.reach(spec)
        source = (spec.backbone, sha256)
        with self._lock:
            self._digests[spec.backbone, spec.weights.source] = sha256
            # Equal weights are equal wherever they came from, so where that was is forgotten.
            network = self._networks[key] = self._networks.setdefault(source, network)
        network.reach(spec)
        with self._lock:
            trunk_key = (source, spec.input, spec.precision)
            if trunk_key not in self._trunks:
                self._trunks[trunk_key] = Trunk(network, spec)
            own = (source, spec.stages, spec.input, spec.precision)
            if own not in self._extractors:
                self._extractors[own] = Extractor(spec.with_digest(sha256), self._trunks[trunk_key])
            return self._extractors[own]

    def _key(self, spec: ExtractorSpec) -> _Source:
        with self._lock:
            known = spec.weights.sha256 or self._digests.get((spec.backbone, spec.weights.source))
        return spec.backbone, known or spec.weights.source
