"""Folding changes the speed and nothing else."""

import pytest
import torch
from torch import nn

from shared.models.backbone import Backbone
from shared.models.folding import fold_batch_norms
from shared.models.spec import WeightsSpec
from shared.models.weights import load_weights


def unsettled(network: nn.Module) -> None:
    """Give batch norms statistics that matter, as training does."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18", "densenet121", "resnetv2_50"])
def test_the_folded_network_computes_the_same(name: str) -> None:
    """Also where batch norms come before convolutions; and there is something to fold."""
    backbone = Backbone(name, (1, 2), load_weights(name, WeightsSpec(source="random:0"))[0])
    unsettled(backbone)
    folded = fold_batch_norms(backbone)
    assert folded is not backbone
    count = [sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) for network in (backbone, folded)]
    assert count[1] < count[0]
    pixels = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        for ours, theirs in zip(folded(pixels), backbone(pixels), strict=True):
            assert float((ours - theirs).norm() / theirs.norm()) < 1e-4


class Misleading(nn.Module):
    """Its batch norm stands after the convolution but is computed before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor]:
        """Norm first."""
        return (self.convolution(self.norm(pixels)),)


def test_a_network_that_would_change_is_left_alone() -> None:
    """The probe finds it out."""
    network = Misleading().eval()
    unsettled(network)
    assert fold_batch_norms(network) is network
