"""From labelled photos to crops, by the same code that crops on the line, with a bounded cache.

A station's policy is applied as it is in service. Two policies exist only here: `polygon` takes the label's corners
from the manifest, and `none` takes pictures that are crops already, pixel for pixel.
"""

import hashlib
import inspect
import io
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared import cropping, geometry, registration, registration_reference
from shared.cropping import Cropped, Cropper, by_geometry, by_polygon, registered
from shared.images import ImageRejected, decode
from shared.models.base import Image
from shared.registration_reference import Reference
from shared.registry.records import StationConfig
from shared.settings import ImageSettings
from training.data.sample import DataRejected, Sample

CropPolicy: TypeAlias = Literal["full_frame", "mask_rcnn", "roi", "polygon", "none"]
MEMORY: Final = 512 * 1024 * 1024
"""Bytes of decoded crops kept in memory; older ones are made again, or read from the cache folder."""
BATCH: Final = 8
"""Photos decoded at once: the detector's batch, and what a stream holds in memory."""


class Found(NamedTuple):
    """A crop and where it came from.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        corners: (4, 2) of its place in the photo.
        photo: the photo's height and width.
        registered: whether it was registered; None where there is no reference.
    """

    pixels: Image
    corners: NDArray[np.float32]
    photo: tuple[int, int]
    registered: bool | None = None


@dataclass(frozen=True, slots=True)
class Crop:
    """One cropped photo.

    Attributes:
        sample: what it is of.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True where damaged; None where damage is not drawn. All False for a good part.
    """

    sample: Sample
    pixels: Image
    mask: NDArray[np.bool_] | None


class Crops:
    """Crops samples as they are asked for.

    Args:
        policy: how the part is found in the photo.
        station: largest crop, presence and orientation, as the line will use them.
        limits: of the decoder.
        detector: weights file of the label detector; None takes the one that ships with Linegate.
        reference: that `mask_rcnn` crops are registered to; may be set until the first crop is asked for.
        cache: folder that keeps crops between runs; None keeps them in memory only.
        memory: bytes of crops kept in memory.
    """

    def __init__(
        self,
        policy: CropPolicy,
        station: StationConfig,
        *,
        limits: ImageSettings | None = None,
        detector: Path | None = None,
        reference: Reference | None = None,
        cache: Path | None = None,
        memory: int = MEMORY,
    ) -> None:
        self.policy = policy
        self.station = station
        self.not_found: list[str] = []
        """Names of photos in which no label was found; the line would fail them for presence."""
        self.unregistered: list[str] = []
        """Names of photos whose crop could not be registered to the reference."""
        self.reference = reference
        self._limits = limits or ImageSettings()
        self._detector = detector
        self._cache = cache
        self._memory = memory
        self._held: OrderedDict[str, Found | None] = OrderedDict()
        self._bytes = 0
        self._found: dict[str, Cropped] = {}

    def stream(self, samples: Iterable[Sample], *, masks: bool = False) -> Iterator[Crop]:
        """The crops of `samples`, in order; those not found are left out and named in `not_found`.

        Args:
            samples: any number; at most `BATCH` photos are decoded at a time.
            masks: whether to crop the damage masks too.

        Raises:
            DataRejected: a photo or mask cannot be used, or `polygon` is asked of a sample without one.
        """
        rest = iter(samples)
        while batch := list(islice(rest, BATCH)):
            for sample, found in zip(batch, self._crop(batch), strict=True):
                if found is None:
                    if sample.name not in self.not_found:
                        self.not_found.append(sample.name)
                    continue
                if found.registered is False and sample.name not in self.unregistered:
                    self.unregistered.append(sample.name)
                yield Crop(sample, found.pixels, self._mask(sample, found) if masks else None)

    def located(self, samples: Iterable[Sample]) -> Iterator[tuple[Image, NDArray[np.float32]]]:
        """The photos in which a label is found, and the (4, 2) corners that the mask gives it: to learn a reference.

        The detector's work is remembered for `stream`.

        Raises:
            DataRejected: a photo cannot be used.
        """
        rest = iter(samples)
        while batch := list(islice(rest, BATCH)):
            photos = [_decoded(sample.read(), sample.name, self._limits) for sample in batch]
            for sample, photo, crop in zip(
                batch, photos, self._cropper.coarse(photos, [self.station] * len(photos)), strict=True
            ):
                self._found[sample.name] = crop
                if crop.corners is not None:
                    yield photo, crop.corners

    @cached_property
    def _cropper(self) -> Cropper:
        try:
            return Cropper.load(self._detector)
        except (OSError, ValueError) as error:
            raise DataRejected(f"the label detector cannot be loaded: {error}") from None

    @cached_property
    def _recipe(self) -> bytes:
        """What a cached crop depends on besides the photo: the policy, the code that applies it, the networks."""
        digest = hashlib.sha256(f"{self.policy} {self.station.model_dump_json()}".encode())
        digest.update(self.reference.digest.encode() if self.reference is not None else b"none")
        for module in (cropping, geometry, registration, registration_reference):
            digest.update(inspect.getsource(module).encode())
        if self.policy == "mask_rcnn":
            _ = self._cropper  # tells first, in one line, where the weights are missing
            weights = resources.files("shared.models") / "weights"
            shipped = (file for file in weights.iterdir() if file.name.endswith(".safetensors"))
            for file in sorted(shipped, key=lambda entry: entry.name):
                digest.update(file.read_bytes())
            if self._detector is not None:
                digest.update(self._detector.read_bytes())
        return digest.digest()

    def _crop(self, samples: Sequence[Sample]) -> list[Found | None]:
        raw = [sample.read() for sample in samples]
        keys = [
            hashlib.sha256(self._recipe + repr(s.polygon).encode() + data).hexdigest()
            for s, data in zip(samples, raw, strict=True)
        ]
        missing = [i for i, key in enumerate(keys) if not self._recall(key)]
        photos = [_decoded(raw[i], samples[i].name, self._limits) for i in missing]
        made = self._apply([samples[i] for i in missing], photos)
        results = {keys[i]: result for i, result in zip(missing, made, strict=True)}
        answer = [results[key] if key in results else self._held[key] for key in keys]
        for key, result in results.items():
            self._save(key, result)
            self._hold(key, result)
        return answer

    def _apply(self, samples: Sequence[Sample], photos: Sequence[Image]) -> list[Found | None]:
        if self.policy == "none":
            return [Found(photo, _outline(photo), photo.shape[:2]) for photo in photos]
        if self.policy == "mask_rcnn":
            cropped = self._by_detection(samples, photos)
        elif self.policy == "polygon":
            cropped = [by_polygon(p, _polygon(s), self.station) for s, p in zip(samples, photos, strict=True)]
        else:
            cropped = [by_geometry(photo, self.station) for photo in photos]
        return [
            None
            if crop.pixels is None or crop.corners is None
            else Found(crop.pixels, crop.corners, photo.shape[:2], crop.registered)
            for crop, photo in zip(cropped, photos, strict=True)
        ]

    def _by_detection(self, samples: Sequence[Sample], photos: Sequence[Image]) -> list[Cropped]:
        fresh = [i for i, sample in enumerate(samples) if sample.name not in self._found]
        coarse = dict(
            zip(fresh, self._cropper.coarse([photos[i] for i in fresh], [self.station] * len(fresh)), strict=True)
        )
        known = [coarse.get(i) or self._found[sample.name] for i, sample in enumerate(samples)]
        if self.reference is None:
            return known
        return [registered(p, self.station, crop, self.reference) for p, crop in zip(photos, known, strict=True)]

    def _mask(self, sample: Sample, found: Found) -> NDArray[np.bool_] | None:
        height, width = found.pixels.shape[:2]
        if not sample.damaged:
            return np.zeros((height, width), dtype=np.bool_)
        raw = sample.read_mask()
        if raw is None:
            return None
        drawn = _decoded(raw, f"mask of {sample.name}", self._limits)
        if drawn.shape[:2] != found.photo:
            raise DataRejected(
                f"the mask of {sample.name} is {drawn.shape[1]} x {drawn.shape[0]} pixels, "
                f"its photo {found.photo[1]} x {found.photo[0]}"
            )
        binary = np.where(drawn > 0, np.uint8(255), np.uint8(0))
        if self.policy != "none":
            binary = geometry.rectify(binary, found.corners, height, width)
        mask: NDArray[np.bool_] = binary[..., 0] > 127
        # A mask without damage tells nothing of where the damage is; the crop may also have left it outside.
        return mask if mask.any() else None

    def _recall(self, key: str) -> bool:
        """Whether the crop is in memory now, be it from the cache folder."""
        if key in self._held:
            self._held.move_to_end(key)
            return True
        path = None if self._cache is None else self._cache / f"{key}.npz"
        if path is None or not path.is_file():
            return False
        with np.load(path, allow_pickle=False) as kept:
            height, width = kept["photo"].tolist()
            told = {1: True, 0: False}.get(int(kept["registered"]))
            self._hold(key, Found(kept["pixels"], kept["corners"], (height, width), told) if height else None)
        return True

    def _save(self, key: str, found: Found | None) -> None:
        if self._cache is None:
            return
        nothing = Found(np.zeros((0, 0, 3), np.uint8), np.zeros((4, 2), np.float32), (0, 0))
        kept = nothing if found is None else found
        buffer = io.BytesIO()
        told = -1 if kept.registered is None else int(kept.registered)
        np.savez(buffer, pixels=kept.pixels, corners=kept.corners, photo=np.array(kept.photo), registered=told)
        self._cache.mkdir(parents=True, exist_ok=True)
        # Two processes may make the same crop at once, of one data set or in the place of one that was given up.
        draft = self._cache / f"{key}.{os.getpid()}.part"
        draft.write_bytes(buffer.getvalue())
        draft.replace(self._cache / f"{key}.npz")

    def _hold(self, key: str, found: Found | None) -> None:
        self._held[key] = found
        self._bytes += found.pixels.nbytes if found is not None else 0
        # Never the batch in hand: it is read from here.
        while self._bytes > self._memory and len(self._held) > BATCH:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.pixels.nbytes if oldest is not None else 0


def _decoded(data: bytes, name: str, limits: ImageSettings) -> Image:
    try:
        return decode(data, limits)
    except ImageRejected as error:
        raise DataRejected(f"{name}: {error}", hint=error.hint) from None


def _polygon(sample: Sample) -> NDArray[np.float32]:
    if sample.polygon is None:
        raise DataRejected(
            f"{sample.name} has no polygon", hint="crop policy polygon needs one for every photo in the manifest"
        )
    return np.array(sample.polygon, dtype=np.float32)


def _outline(photo: Image) -> NDArray[np.float32]:
    height, width = photo.shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
