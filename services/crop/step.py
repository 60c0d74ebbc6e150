"""Photo in, rectified part out. Pure but for reading referenced pixels, which is handed in."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.crop.clock import SkewWatch
from services.crop.references import REFERENCE_FAULTS, ReferenceShelf
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.cropping import Cropped, Cropper
from shared.events import PartCrop, PartImage, Timings, derived_event_id
from shared.images import ImageRejected, decode, encode_png
from shared.models.base import Image
from shared.pixels import PixelSource, PixelsUnavailable
from shared.registration_reference import Reference
from shared.registry.records import StationConfig
from shared.registry.snapshot import Snapshot
from shared.settings.sections import ImageSettings


@dataclass(frozen=True, slots=True)
class _Photo:
    """A photo that could be read, with the time that took, and how far its clock is off, in milliseconds."""

    image: Image
    station: StationConfig
    reference: Reference | None
    fetch: float
    decode: float
    skew: float | None


class CropStep:
    """Step from `PartImage` to `PartCrop`: a label that is not found is news for the gate, not an error."""

    def __init__(
        self,
        cropper: Cropper,
        *,
        source: PixelSource,
        limits: ImageSettings,
        snapshot: Callable[[], Snapshot | None],
        references: ReferenceShelf,
        clocks: SkewWatch | None = None,
    ) -> None:
        """`snapshot` answers the registry's latest state, or None while it was never seen."""
        self._cropper = cropper
        self._clocks = clocks or SkewWatch()
        self._source = source
        self._limits = limits
        self._snapshot = snapshot
        self._references = references

    def __call__(self, batch: Sequence[PartImage], /) -> list[Result]:
        """Crop a batch with one detector pass."""
        snapshot = self._snapshot()
        if snapshot is None:
            return [Retry("the registry was not reached yet, so no station's crop policy is known") for _ in batch]
        photos = [self._read(event, snapshot.station(event.place)) for event in batch]
        readable = [photo for photo in photos if isinstance(photo, _Photo)]
        started = time.perf_counter()
        cropped = iter(
            self._cropper.crop(
                [p.image for p in readable], [p.station for p in readable], [p.reference for p in readable]
            )
        )
        each = _milliseconds(started) / max(len(readable), 1)
        return [
            _emit(event, photo, next(cropped), each, len(readable)) if isinstance(photo, _Photo) else photo
            for event, photo in zip(batch, photos, strict=True)
        ]

    def _read(self, event: PartImage, station: StationConfig) -> _Photo | Result:
        try:
            reference = None if station.reference is None else self._references.get(station.reference)
        except REFERENCE_FAULTS as fault:
            return Retry(f"the crop reference of {event.place} cannot be had: {fault}")
        started = time.perf_counter()
        try:
            pixels = self._source.read(event)
            fetched = time.perf_counter()
            image = decode(pixels, self._limits)
        except ImageRejected as rejected:
            return DeadLetter(rejected.line)
        except PixelsUnavailable as away:
            return Retry(away.line)
        skew = self._clocks.measure(event)
        return _Photo(image, station, reference, (fetched - started) * 1000, _milliseconds(fetched), skew)


def _emit(event: PartImage, photo: _Photo, cropped: Cropped, crop_ms: float, batch: int) -> Emit:
    pixels = None if cropped.pixels is None else encode_png(cropped.pixels)
    corners = None if cropped.corners is None else tuple((float(x), float(y)) for x, y in cropped.corners)
    return Emit(
        (
            PartCrop(
                **event.carried(),
                id=derived_event_id(event.id, "crop"),
                source="/linegate/crop",
                image=event.id,
                pixels=pixels,
                mediatype=None if pixels is None else "image/png",
                presence=cropped.presence,
                corners=corners,
                rotated=cropped.rotated,
                registered=cropped.registered,
                reference=photo.station.reference,
                policy=photo.station.policy,
                photoat=event.lies_at,
                timings=Timings(
                    fetch=photo.fetch, decode=photo.decode, crop=crop_ms, batch=batch, clock_skew=photo.skew
                ),
            ),
        )
    )


def _milliseconds(since: float) -> float:
    return (time.perf_counter() - since) * 1000
