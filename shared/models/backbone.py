"""A timm network cut off after the last stage that is needed, with its weights in place and nothing left to train."""

from collections.abc import Sequence
from typing import Any, cast

import timm
import torch
from torch import nn

from shared.models.weights import StateDict


class Backbone(nn.Module):
    """The feature stages of a timm model.

    Attributes:
        mean: per-channel mean of the input pixels in [0, 1] that the weights were trained with (timm's config).
        std: likewise the standard deviation.
        dimensions: channels of all stages together.
    """

    def __init__(self, name: str, stages: Sequence[int], state: StateDict) -> None:
        """Build timm model `name`, load `state` strictly, cut.

        Args:
            name: timm name.
            stages: ascending indices into the model's stages, as timm's `features_only` counts them.
            state: the full state dict, see `weights.load_weights`.

        Raises:
            ValueError: a stage that the model does not have, stages not ascending, or no access to stages at all.
        """
        super().__init__()
        network: Any
        with torch.device("meta"):
            network = timm.create_model(name, pretrained=False)
        if not hasattr(network, "forward_intermediates"):
            raise ValueError(f"{name} gives no access to its stages; choose another backbone")
        available = len(network.feature_info)
        if list(stages) != sorted(set(stages)) or not stages or not 0 <= stages[0] <= stages[-1] < available:
            raise ValueError(f"stages {tuple(stages)} of {name}: give ascending indices between 0 and {available - 1}")
        network.load_state_dict(state, strict=True, assign=True)
        self.mean = cast("tuple[float, float, float]", tuple(network.pretrained_cfg["mean"]))
        self.std = cast("tuple[float, float, float]", tuple(network.pretrained_cfg["std"]))
        self.dimensions = sum(int(network.feature_info[stage]["num_chs"]) for stage in stages)
        self.stages: list[int] = list(network.prune_intermediate_layers(list(stages), prune_norm=True, prune_head=True))
        self.network: Any = network
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Scaled pixels (N, 3, H, W) to one (N, C_i, h_i, w_i) tensor per stage, finest first."""
        return tuple(
            self.network.forward_intermediates(
                pixels, indices=self.stages, norm=False, stop_early=True, output_fmt="NCHW", intermediates_only=True
            )
        )
