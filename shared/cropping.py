"""From a photo to the rectified part, by the station's crop policy. Serving and training crop with this same code.

Nothing is scaled to a network's input here and no pixel value is normalised: that belongs to the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import geometry
from shared.events import Check
from shared.models.base import Image
from shared.models.detector import Detection, LabelDetector
from shared.models.memory import MemoryRoom
from shared.models.orientation import LabelOrientation
from shared.registration import Registration, register
from shared.registration_reference import Reference
from shared.registry.records import StationConfig

Corners: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cropped:
    """What became of one photo.

    Attributes:
        presence: whether the part was found; `skipped` where the policy does not look for it.
        pixels: (H, W, 3) uint8 RGB, or None when the part was not found.
        corners: (4, 2) float32, where the crop's top-left, top-right, bottom-right and bottom-left corners lie in
            the photo.
        rotated: whether the crop was turned by 180 degrees; None when that was not examined or not certain.
        registered: whether the crop was registered to the station's reference; False: that did not verify, and the
            crop lies where the mask has it; None: the station has no reference.
    """

    presence: Check
    pixels: Image | None = None
    corners: Corners | None = None
    rotated: bool | None = None
    registered: bool | None = None


class Cropper:
    """Applies crop policies. Holds the two small networks, so make one per process."""

    def __init__(self, detector: LabelDetector, orientation: LabelOrientation, room: MemoryRoom | None = None) -> None:
        self._detector = detector
        self._room = room or MemoryRoom(name="label detection")
        self._orientation = orientation

    @classmethod
    def load(cls, weights: Path | None = None, *, room: MemoryRoom | None = None) -> "Cropper":
        """A cropper with the detector weights of a file, or with those that ship with Linegate.

        `room` sees to it that a batch that does not fit in memory is searched in parts.
        """
        return cls(LabelDetector.load(weights), LabelOrientation.load(), room)

    def crop(
        self,
        images: Sequence[Image],
        stations: Sequence[StationConfig],
        references: Sequence[Reference | None] | None = None,
    ) -> list[Cropped]:
        """Crop N photos, each (H, W, 3) uint8 RGB, each by its own station's policy; one detector pass for all.

        Args:
            images: the photos.
            stations: of each.
            references: what `station.reference` names, of each; None where it names none.
        """
        coarse = self.coarse(images, stations)
        if references is None:
            return coarse
        return [
            crop if reference is None else registered(image, station, crop, reference)
            for image, station, crop, reference in zip(images, stations, coarse, references, strict=True)
        ]

    def coarse(self, images: Sequence[Image], stations: Sequence[StationConfig]) -> list[Cropped]:
        """As `crop`, without registration."""
        searched = [i for i, station in enumerate(stations) if station.policy == "mask_rcnn"]
        detections = self._room.map([images[i] for i in searched], self._detector.detect)
        found = dict(zip(searched, detections, strict=True))
        return [
            self._by_detection(image, station, found[i]) if i in found else by_geometry(image, station)
            for i, (image, station) in enumerate(zip(images, stations, strict=True))
        ]

    def _by_detection(self, image: Image, station: StationConfig, detection: Detection | None) -> Cropped:
        if detection is None or detection.score < station.presence:
            best = 0.0 if detection is None else detection.score
            return Cropped(_missing(station, best, "no label was found in the photo"))
        corners = geometry.mask_to_quadrilateral(detection.mask)
        if corners is None:
            return Cropped(_missing(station, detection.score, "the label's mask is too small to make a crop"))
        pixels = _rectify(image, corners, station)
        presence = Check(name="presence", result="pass", score=detection.score, threshold=station.presence)
        if not station.orient:
            return Cropped(presence, pixels, corners)
        rotated = self._orientation.upside_down(pixels)
        if rotated:
            pixels = np.ascontiguousarray(pixels[::-1, ::-1])
            corners = np.roll(corners, 2, axis=0)
        return Cropped(presence, pixels, corners, rotated)


def by_geometry(image: Image, station: StationConfig) -> Cropped:
    """Crop by the policies that need no detector: `full_frame` and `roi`.

    A region of interest takes the station's shape; a full frame keeps its own and is only shrunk to fit inside.
    """
    height, width = image.shape[:2]
    extent = np.array([width, height], dtype=np.float32)
    detail = f"not looked for: crop policy {station.policy}"
    presence = Check(name="presence", result="skipped", detail=detail)
    if station.polygon is not None:
        corners = np.array(station.polygon, dtype=np.float32) * extent
        return Cropped(presence, _rectify(image, corners, station), corners)
    factor = min(1.0, station.height / height, station.width / width)
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Cropped(presence, image, np.array(((0, 0), (1, 0), (1, 1), (0, 1)), dtype=np.float32) * extent)


def registered(image: Image, station: StationConfig, coarse: Cropped, reference: Reference) -> Cropped:
    """A coarse crop, cut anew from the photo where its registration to a reference verifies.

    Where it does not, the label is tried upside down, unless the station does not turn crops: constant print is better
    evidence of the reading direction than the network. Where neither verifies, the coarse crop stands, and says so.
    """
    if coarse.corners is None:
        return coarse
    found: Registration | None = register(image, coarse.corners, reference)
    turned = False
    if found is None and station.orient:
        found = register(image, np.roll(coarse.corners, 2, axis=0), reference)
        turned = True
    if found is None:
        return replace(coarse, registered=False)
    rotated = (coarse.rotated is True) != turned if station.orient else None
    pixels = _rectify(image, found.corners, station)
    return Cropped(coarse.presence, pixels, found.corners, rotated, registered=True)


def by_polygon(image: Image, corners: Corners, station: StationConfig) -> Cropped:
    """Crop by known corners, (4, 2) float32 in reading order: ground truth in training."""
    presence = Check(name="presence", result="skipped", detail="corners given")
    return Cropped(presence, _rectify(image, corners, station), corners)


def _rectify(image: Image, corners: Corners, station: StationConfig) -> Image:
    height, width = geometry.fit_size(corners, station.height, station.width)
    return geometry.rectify(image, corners, height, width)


def _missing(station: StationConfig, score: float, detail: str) -> Check:
    return Check(name="presence", result="fail", score=score, threshold=station.presence, detail=detail)
