"""Is a rectified label upside down? A tiny network that says yes, no, or that it cannot tell.

It looks at the crop and at the crop turned by 180 degrees with the same weights and compares: the answer for a
turned crop is exactly the opposite by construction, and no layout can be favoured in one direction.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from typing import Final, Self, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from shared.models.base import Image

SHIPPED: Final = "label_orientation.safetensors"
INPUT: Final = (128, 256)
"""Height and width the network sees; every crop is stretched to it, in grey."""
CERTAIN: Final = 0.9
"""Least probability that counts as an answer."""
_FORMAT: Final = "linegate.label-orientation.v1"


class OrientationNet(nn.Module):
    """Map (N, 1, 128, 256) float32 grey crops to (N,) logits of being upside down."""

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise((1, *widths))):
            size = 5 if index == 0 else 3
            layers += [nn.Conv2d(before, after, size, stride=2, padding=size // 2), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.score = nn.Linear(2 * widths[-1], 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Compare each crop with itself turned by 180 degrees."""
        return self._one_way(crops) - self._one_way(torch.flip(crops, (2, 3)))

    def _one_way(self, crops: Tensor) -> Tensor:
        maps = self.features(crops)
        # Pooling the upper and the lower half apart lets the layout speak beside the letters.
        upper, lower = maps.chunk(2, dim=2)
        pooled = torch.cat([upper.mean((2, 3)), lower.mean((2, 3))], dim=1)
        return cast("Tensor", self.score(pooled)[:, 0])


class LabelOrientation:
    """The shipped orientation network, ready to ask."""

    def __init__(self, net: OrientationNet, *, digest: str, certain: float = CERTAIN) -> None:
        """`digest` is the sha256 of the weights file; `certain` the least probability that counts as an answer."""
        self._net = net.eval().requires_grad_(requires_grad=False)
        self.digest = digest
        self._certain = certain

    @classmethod
    def load(cls, path: Path | None = None, *, certain: float = CERTAIN) -> Self:
        """Load a weights file, or the shipped one.

        Raises FileNotFoundError when it is absent, ValueError when it is no orientation network.
        """
        if path is None:
            with as_file(files("shared.models").joinpath("weights", SHIPPED)) as shipped:
                return cls.load(shipped, certain=certain)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(str(path), framework="pt") as file:
            found = (file.metadata() or {}).get("format")
            if found != _FORMAT:
                raise ValueError(f"{path} holds {found!r}, not {_FORMAT!r}")
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
        net = OrientationNet([t.shape[0] for name, t in state.items() if name.endswith("weight") and t.ndim == 4])
        net.load_state_dict(state)
        return cls(net, digest=digest, certain=certain)

    def probability(self, crop: Image) -> float:
        """The probability that a rectified (H, W, 3) crop is upside down."""
        with torch.inference_mode():
            return float(torch.sigmoid(self._net(torch.from_numpy(prepare(crop))[None]))[0])

    def upside_down(self, crop: Image) -> bool | None:
        """Whether a rectified (H, W, 3) crop is upside down; None when that is not certain."""
        probability = self.probability(crop)
        if max(probability, 1 - probability) < self._certain:
            return None
        return probability > 0.5


def prepare(crop: Image) -> NDArray[np.float32]:
    """Make a crop the network's (1, 128, 256) input: grey, stretched, freed of brightness and contrast."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, INPUT[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / (small.std() + 4), np.float32)[None]


def save_orientation(path: Path, net: OrientationNet, facts: dict[str, object]) -> Path:
    """Write a network as the fp16 file that `LabelOrientation.load` reads, with how it was trained."""
    state = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, path, {"format": _FORMAT, "training": json.dumps(facts, sort_keys=True)})
    return path
