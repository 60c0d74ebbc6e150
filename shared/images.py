"""Decode pictures that come from outside, without trusting them; encode our own.

What a picture is, is read from its content, never from its name or media type. Accepted are JPEG, PNG, TIFF, BMP and
WebP with 8 or 16 bits per channel. Decisions that a sender may want to know:

- A picture of several frames or pages is refused, since nobody can say which one shows the part. The one exception
  is MPO, the JPEG of some phones that carries previews behind its main picture: the main picture is taken.
- 16-bit channels keep their upper 8 bits. Transparency is laid over black. Colour profiles are not applied.
- EXIF orientation is applied; all other metadata is ignored.
- A file that ends early is refused: half a picture must never pass the gate.
- A file whose structure costs much more than its pixels is refused (`shared.image_bombs`): run-length encoded BMP,
  TIFF compressions that no camera writes, progressive JPEG with scans without end.

A picture of `max_pixels` takes at most 32 bytes a pixel while it is decoded, and 100 MiB beside that for its file and
metadata (tests/fuzz holds it to that).
"""

import io
import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from shared.errors import LinegateError
from shared.image_bombs import MeteredFile, TooManyReadsError, find_bomb
from shared.settings.sections import ImageSettings

FORMATS: Final = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_ORIENTATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 0x0112: what to do to a picture so that its first row is the top."""
_SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_TRANSPARENT: Final = ("RGBA", "LA", "PA", "La", "RGBa")
_PLAIN: Final = ("RGB", "L", "1", "P", "CMYK", "YCbCr", "RGBX", "HSV")

# Pillow warns of broken metadata, which we do not use, and of sizes, which we check against our own limit. The filter
# stands for the whole process because `warnings.catch_warnings` is not safe with threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageRejected(LinegateError):
    """The picture cannot be used, and will not be usable later either."""


def decode(data: bytes, limits: ImageSettings) -> NDArray[np.uint8]:
    """Decode an encoded picture to RGB.

    Args:
        data: the encoded picture.
        limits: the largest number of bytes and of pixels.

    Returns:
        (H, W, 3) uint8, C-contiguous, owned by the caller.

    Raises:
        ImageRejected: not a picture we accept, too large, or damaged.
        MemoryError: this machine has no room for a picture within the limits. Not the picture's fault.
    """
    if not data:
        raise ImageRejected("the picture is empty")
    if len(data) > limits.max_bytes:
        raise ImageRejected(
            f"the picture has {len(data)} bytes, the limit is {limits.max_bytes}",
            hint="images.max_bytes sets the limit",
        )
    try:
        _check_structure(data, limits)
        with Image.open(MeteredFile(data), formats=FORMATS) as picture:
            _check_header(picture, limits)
            picture.load()
            upright = _upright(_to_rgb(picture), _orientation(picture))
            pixels = np.array(upright, dtype=np.uint8, order="C")
    except (ImageRejected, MemoryError):
        raise
    except TooManyReadsError:
        raise ImageRejected("the picture's file is cut into too many pieces; save it again") from None
    except UnidentifiedImageError:
        raise ImageRejected("not a JPEG, PNG, TIFF, BMP or WebP picture, or its header is damaged") from None
    except Image.DecompressionBombError:
        raise ImageRejected(_too_many_pixels(limits)) from None
    except Exception as error:  # noqa: BLE001 - a damaged file makes Pillow's codecs raise nearly anything
        raise ImageRejected(f"the picture is damaged: {_reason(error)}") from None
    return pixels


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode losslessly and fast.

    Compression level 1: a third of the raw size at a few milliseconds; higher levels gain a tenth for twice the time.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8.
    """
    return _encode(image, "PNG", compress_level=1)


def encode_jpeg(image: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """Encode for looking at, never for judging.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8.
        quality: 1 to 95.
    """
    return _encode(image, "JPEG", quality=quality)


def _encode(image: NDArray[np.uint8], form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form, **options)
    return buffer.getvalue()


def _check_structure(data: bytes, limits: ImageSettings) -> None:
    bomb = find_bomb(data, max_pixels=limits.max_pixels)
    if bomb is not None:
        raise ImageRejected(bomb)


def _check_header(picture: Image.Image, limits: ImageSettings) -> None:
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise ImageRejected(_too_many_pixels(limits, picture.size), hint="images.max_pixels sets the limit")
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise ImageRejected("the picture has several frames or pages; send the one that shows the part")


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode to RGB, transparency over black."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in _SIXTEEN_BIT:
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in _TRANSPARENT or (picture.mode in _PLAIN and "transparency" in picture.info):
        rgba = picture.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, rgba).convert("RGB")
    if picture.mode in _PLAIN:
        return picture.convert("RGB")
    raise ImageRejected(
        f"pixels of mode {picture.mode} have no agreed brightness; save the picture with 8 or 16 bits per channel"
    )


def _upright(picture: Image.Image, orientation: int | None) -> Image.Image:
    method = _ORIENTATIONS.get(orientation) if orientation else None
    return picture if method is None else picture.transpose(method)


def _orientation(picture: Image.Image) -> int | None:
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - broken metadata raises nearly anything; viewers show such a picture as stored
        return None
    return value if isinstance(value, int) else None


def _too_many_pixels(limits: ImageSettings, size: tuple[int, int] | None = None) -> str:
    named = "" if size is None else f" ({size[0]} x {size[1]})"
    return f"the picture has too many pixels{named}, the limit is {limits.max_pixels}"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
