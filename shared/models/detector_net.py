"""The label detector's network: Mask R-CNN (He et al. 2017) sized for one CPU core.

torchvision's `MaskRCNN` with fewer channels, fewer proposals, anchors for elongated labels, and a mask head that
reads the finest pyramid level, because what counts here is one label's outline and not eighty classes.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

import timm
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

Backbone: TypeAlias = Literal["tf_efficientnet_lite0", "resnet50"]
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)

_MEAN = {"tf_efficientnet_lite0": (0.5, 0.5, 0.5), "resnet50": (0.485, 0.456, 0.406)}
_STD = {"tf_efficientnet_lite0": (0.5, 0.5, 0.5), "resnet50": (0.229, 0.224, 0.225)}


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """What it takes to rebuild the network; travels in the weights file's metadata.

    Attributes:
        backbone: timm name of the feature extractor (strides 8, 16 and 32 are used).
        input_size: pixels of the photo's longer side as the network sees it.
        channels: width of the pyramid.
        mask_cells: side of the mask head's input grid; the mask has twice as many.
        proposals: regions kept before and after non-maximum suppression, at inference.
    """

    backbone: Backbone = "tf_efficientnet_lite0"
    input_size: int = 256
    channels: int = 96
    mask_cells: int = 24
    proposals: tuple[int, int] = (100, 20)

    def to_json(self) -> dict[str, object]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "DetectorConfig":
        """Read back what `to_json` wrote; raises TypeError on unknown names, ValueError on an unknown backbone."""
        if values["backbone"] not in BACKBONES:
            raise ValueError(f"unknown backbone {values['backbone']!r}; choose one of {', '.join(BACKBONES)}")
        return cls(**{**values, "proposals": tuple(values["proposals"])})


class Pyramid(nn.Module):
    """A timm feature extractor under a feature pyramid.

    The extractor's batch normalisation is folded into its convolutions (`fold_batch_norm`): a detector's small batches
    would only spoil its statistics, and frozen normalisation is wasted work.
    """

    def __init__(self, backbone: Backbone, channels: int) -> None:
        super().__init__()
        body: Any = timm.create_model(backbone, features_only=True, out_indices=(2, 3, 4), pretrained=False)
        widths = [int(width) for width in body.feature_info.channels()]
        fold_batch_norm(body)
        self.body = body
        self.fpn = FeaturePyramidNetwork(widths, channels, LastLevelMaxPool())
        self.out_channels = channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (N, 3, H, W) to pyramid levels of stride 8, 16, 32 and 64."""
        return cast("dict[str, Tensor]", self.fpn({str(i): f for i, f in enumerate(self.body(images))}))


def fold_batch_norm(body: nn.Module) -> None:
    """Fold every batch normalisation of a timm model into the convolution registered before it, in place."""
    for parent in list(body.modules()):
        previous: nn.Conv2d | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and previous is not None:
                fused = fuse_conv_bn_eval(previous.eval(), child.eval())
                previous.weight, previous.bias = fused.weight, fused.bias
                # timm's BatchNormAct2d carries the activation; torch's own carries none.
                setattr(parent, name, getattr(child, "act", nn.Identity()))
            previous = child if isinstance(child, nn.Conv2d) else None


def build(config: DetectorConfig) -> MaskRCNN:
    """Build the untrained network of two classes: background and label."""
    pyramid = Pyramid(config.backbone, config.channels)
    sizes = ((22, 36), (54, 84), (120, 168), (216, 280))
    ratios = ((0.14, 0.35, 0.7, 1.5),) * len(sizes)  # height / width: windscreen strips up to upright labels
    cells, width = config.mask_cells, config.channels
    return MaskRCNN(
        pyramid,
        num_classes=None,
        min_size=config.input_size,
        max_size=config.input_size,
        image_mean=list(_MEAN[config.backbone]),
        image_std=list(_STD[config.backbone]),
        rpn_anchor_generator=AnchorGenerator(sizes, ratios),
        rpn_pre_nms_top_n_train=300,
        rpn_post_nms_top_n_train=120,
        rpn_pre_nms_top_n_test=config.proposals[0],
        rpn_post_nms_top_n_test=config.proposals[1],
        rpn_batch_size_per_image=96,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=1),
        box_head=TwoMLPHead(width * 7 * 7, 320),
        box_predictor=_BoxPredictor(320),
        box_score_thresh=0.02,
        box_detections_per_img=1,
        box_batch_size_per_image=24,
        mask_roi_pool=MultiScaleRoIAlign(["0"], output_size=cells, sampling_ratio=1),
        mask_head=MaskRCNNHeads(width, (80, 80, 80), 1),
        mask_predictor=MaskRCNNPredictor(80, 48, 2),
    )


class _BoxPredictor(nn.Module):
    """torchvision's FastRCNNPredictor without its class-count argument, which would collide with ours."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(channels, 2)
        self.bbox_pred = nn.Linear(channels, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


def normalise(config: DetectorConfig, batch: Tensor) -> Tensor:
    """Scale a uint8 (N, 3, H, W) batch to the backbone's input range, float32."""
    mean = torch.tensor(_MEAN[config.backbone]).view(1, 3, 1, 1) * 255
    std = torch.tensor(_STD[config.backbone]).view(1, 3, 1, 1) * 255
    return (batch.float() - mean) / std


def as_image_list(batch: Tensor, sizes: list[tuple[int, int]]) -> ImageList:
    """Wrap a padded batch and its true (height, width) sizes for torchvision's heads."""
    return ImageList(batch, sizes)
