"""A photo file as the event that a camera would send."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.photo_header import MediaType, media_type
from shared.errors import LinegateError
from shared.events import CameraKind, PartImage, Place, now

_BY_SUFFIX: Final[dict[str, MediaType]] = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
}
SUFFIXES: Final = frozenset(_BY_SUFFIX)
"""Names of files that are sent."""


def place_of(plant: str, line: str, station: str, layout: str, camera: str) -> Place:
    """The place that a command line names.

    Raises:
        LinegateError: a name is not valid.
    """
    try:
        return Place.model_validate(
            {"plant": plant, "line": line, "station": station, "layout": layout, "camera": camera}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise LinegateError(
            f"--{first['loc'][0]} {first['input']!r} is not valid",
            hint="--camera is stationary or mobile"
            if first["loc"][0] == "camera"
            else "lower-case letters, digits, . _ -, at most 63, e.g. line-1",
        ) from None


def photo_event(
    path: Path, *, part: str, place: Place, layout: str | None = None, camera: CameraKind | None = None
) -> PartImage:
    """The event of one photo, captured now.

    A file whose content is no picture is sent under the media type of its name, so that the gate says what is wrong.

    Args:
        path: the photo.
        part: part id.
        place: where it is said to be taken.
        layout: replaces that of `place`.
        camera: likewise.

    Raises:
        LinegateError: the file cannot be read or `part` is not valid.
    """
    try:
        pixels = path.read_bytes()
    except OSError as error:
        raise LinegateError(f"cannot read {path}: {error.strerror}") from None
    kind = media_type(pixels) or _BY_SUFFIX.get(path.suffix.lower())
    if not pixels or kind is None:
        raise LinegateError(f"{path} is not a picture", hint="send a JPEG, PNG, TIFF, BMP or WebP file")
    address = place.model_dump() | {
        name: value for name, value in (("layout", layout), ("camera", camera)) if value is not None
    }
    try:
        return PartImage(**address, part=part, source="/linegate/cli", captured=now(), mediatype=kind, pixels=pixels)
    except ValidationError as error:
        first = error.errors()[0]
        raise LinegateError(
            f"{first['loc'][0]} {first['input']!r} is not valid",
            hint="a part is letters, digits, . _ : / -, at most 128, e.g. 4711-000123",
        ) from None
