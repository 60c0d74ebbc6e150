"""What a picture's first bytes say: its media type and size. No pixel is decoded; that stays with the crop worker."""

from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, UnidentifiedImageError

from shared.image_bombs import MeteredFile, find_bomb

MediaType = Literal["image/jpeg", "image/png", "image/tiff", "image/bmp", "image/webp"]
MEDIA_TYPES: Final[dict[MediaType, str]] = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
}
"""Media types that may come in, and Pillow's name of each."""


class UnknownPictureError(ValueError):
    """The bytes are none of the accepted picture formats, or their header is broken."""


class TooManyPixelsError(ValueError):
    """The header promises more pixels than are allowed: a decompression bomb, or the wrong camera mode."""


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """Media type and size of an encoded picture."""

    mediatype: MediaType
    width: int
    height: int


def media_type(data: bytes) -> MediaType | None:
    """The media type by the leading bytes ("magic"), or None when it is none that is accepted."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "image/tiff"
    if data.startswith(b"BM"):
        return "image/bmp"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def read_header(data: bytes, *, max_pixels: int) -> PhotoHeader:
    """Read the header of `data`.

    Raises:
        UnknownPictureError: not a picture we take, its header cannot be read, or reading on would cost too much.
        TooManyPixelsError: width x height exceeds `max_pixels`.
    """
    kind = media_type(data)
    if kind is None:
        raise UnknownPictureError("the first bytes are none of JPEG, PNG, TIFF, BMP or WebP")
    bomb = find_bomb(data, max_pixels=max_pixels)
    if bomb is not None:
        raise UnknownPictureError(bomb)
    try:
        with Image.open(MeteredFile(data), formats=[MEDIA_TYPES[kind]]) as picture:
            width, height = picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixelsError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - a damaged file makes Pillow's plugins raise nearly anything
        reason = "" if isinstance(error, UnidentifiedImageError) else f" ({type(error).__name__})"
        raise UnknownPictureError(f"it begins like {kind} but its header is damaged{reason}") from None
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels, and {max_pixels} are allowed")
    return PhotoHeader(kind, width, height)
