"""Write wanted photos as they come: one in memory at a time."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.errors import LinegateError
from shared.events import UNSPECIFIED, PartImage
from shared.images import ImageRejected
from shared.pixels import PixelSource, PixelsUnavailable
from training.collect.ledger import Photo

FOLDER: Final = "photos"
_ENDINGS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
}

_TWIN: Final = "the same picture was found damaged under another id"


class CollectRejected(LinegateError):
    """No data set can be made as asked."""


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes:
        rows: of the manifest, in the order in which the photos came.
        digests: sha256 of each photo, by its name in the manifest.
        unreadable: photos that could not be used, by reason.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)


def write_photos(
    events: Iterable[PartImage],
    wanted: Iterable[Photo],
    folder: Path,
    source: PixelSource,
    told: Callable[[str, int, int | None], None],
) -> Written:
    """Write every wanted photo that is among `events` below `folder`; ends when it has them all.

    Args:
        events: photos, read once.
        wanted: which.
        folder: exists.
        source: reads pixels, inline or by reference, within its limits.
        told: hears of progress as `told(stage, done, total)`.

    Raises:
        CollectRejected: the place that a reference points to does not answer now.
        OSError: the disk says no.
    """
    outstanding = {(photo.plant, photo.image): photo for photo in wanted}
    total, written = len(outstanding), Written()
    (folder / FOLDER).mkdir()
    for event in events:
        photo = outstanding.pop((event.plant, event.id), None)
        if photo is None:
            continue
        try:
            _write(photo, event, source.read(event), folder, written)
        except ImageRejected as error:
            reason = str(error)
            written.unreadable[reason] = written.unreadable.get(reason, 0) + 1
        except PixelsUnavailable as error:
            raise CollectRejected(
                f"photo {event.id} cannot be fetched now: {error}",
                hint="nothing was kept: run it again when the place of the photos answers",
            ) from None
        told("written", len(written.rows), total)
        if not outstanding:
            break
    _drop_twins(folder, written)
    return written


def _drop_twins(folder: Path, written: Written) -> None:
    """A picture that came under two ids, and was found damaged under one of them, is not good under the other."""
    damaged = {written.digests[row["image"]] for row in written.rows if row["label"] == "damaged"}
    twins = [row for row in written.rows if row["label"] == "good" and written.digests[row["image"]] in damaged]
    if not twins:
        return
    for name in (row["image"] for row in twins):
        del written.digests[name]
        (folder / name).unlink()
    written.rows = [row for row in written.rows if row["image"] in written.digests]
    written.unreadable[_TWIN] = len(twins)


def _write(photo: Photo, event: PartImage, pixels: bytes, folder: Path, written: Written) -> None:
    # Ids come from outside and may hold anything: the name is made of their digest.
    stem = hashlib.sha256(f"{photo.plant}/{photo.image}".encode()).hexdigest()[:24]
    name = f"{FOLDER}/{stem}{_ENDINGS[event.mediatype or 'image/jpeg']}"
    (folder / name).write_bytes(pixels)
    row = {"image": name, "label": photo.label, "part": photo.part, "camera": photo.camera}
    if photo.layout != UNSPECIFIED:
        row["layout"] = photo.layout
    if photo.label == "damaged":
        row["defect"] = photo.finding
    written.rows.append(row)
    written.digests[name] = hashlib.sha256(pixels).hexdigest()
