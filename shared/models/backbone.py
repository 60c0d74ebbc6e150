"""A timm network cut off after the last stage that is needed, with its weights in place and nothing left to train."""

from collections.abc import Sequence
from typing import Any, cast

import timm
import torch
from torch import nn

from shared.models.weights import StateDict


class Backbone(nn.Module):
    """The feature stages of a timm model, the first one down to the last one asked for.

    Attributes:
        mean: per-channel mean of the input pixels in [0, 1] that the weights were trained with (timm's config).
        std: likewise the standard deviation.
        stages: those asked for; every other one above the last of them can be had too.
        depth: the last of them.
        digest: of the weights.
    """

    def __init__(self, name: str, stages: Sequence[int], state: StateDict, *, digest: str = "") -> None:
        """Build timm model `name`, load `state` strictly, cut.

        Args:
            name: timm name.
            stages: ascending indices into the model's stages, as timm's `features_only` counts them.
            state: the full state dict, see `weights.load_weights`.
            digest: of `state`.

        Raises:
            ValueError: a stage that the model does not have, stages not ascending, or no access to stages at all.
        """
        super().__init__()
        network: Any
        with torch.device("meta"):
            network = timm.create_model(name, pretrained=False)
        if not hasattr(network, "forward_intermediates"):
            raise ValueError(f"{name} gives no access to its stages; choose another backbone")
        self.name = name
        self.digest = digest
        self._channels = [int(network.feature_info[stage]["num_chs"]) for stage in range(len(network.feature_info))]
        self._check(stages)
        network.load_state_dict(state, strict=True, assign=True)
        self.mean = cast("tuple[float, float, float]", tuple(network.pretrained_cfg["mean"]))
        self.std = cast("tuple[float, float, float]", tuple(network.pretrained_cfg["std"]))
        self.stages = tuple(stages)
        self.depth = self.stages[-1]
        network.prune_intermediate_layers(list(stages), prune_norm=True, prune_head=True)
        self.network: Any = network
        self.eval().requires_grad_(requires_grad=False)

    def reaches(self, stages: Sequence[int]) -> bool:
        """Whether the network goes down to these stages.

        Raises:
            ValueError: a stage that the model does not have, or stages not ascending.
        """
        self._check(stages)
        return stages[-1] <= self.depth

    def dimensions(self, stages: Sequence[int]) -> int:
        """Channels of these stages together."""
        return sum(self._channels[stage] for stage in stages)

    def forward(self, pixels: torch.Tensor, stages: Sequence[int] | None = None) -> tuple[torch.Tensor, ...]:
        """Scaled pixels (N, 3, H, W) to one (N, C_i, h_i, w_i) tensor per stage (None: those asked for), finest first.

        Runs no deeper than the last of them.
        """
        return tuple(
            self.network.forward_intermediates(
                pixels,
                indices=list(self.stages if stages is None else stages),
                norm=False,
                stop_early=True,
                output_fmt="NCHW",
                intermediates_only=True,
            )
        )

    def _check(self, stages: Sequence[int]) -> None:
        available = len(self._channels)
        if list(stages) != sorted(set(stages)) or not stages or not 0 <= stages[0] <= stages[-1] < available:
            raise ValueError(
                f"stages {tuple(stages)} of {self.name}: give ascending indices between 0 and {available - 1}"
            )
