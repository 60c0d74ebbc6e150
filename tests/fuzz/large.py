"""Honest pictures of the largest size, of the kinds that take a decoder the most memory."""

from PIL import Image

from shared.images import ImageRejected, decode
from shared.settings import ImageSettings
from tests.fuzz.seeds import encoded, seeds

SIDE = 2800
LIMITS = ImageSettings(max_pixels=SIDE * SIDE)
MEMORY_MIB = 100 + 32 * LIMITS.max_pixels // 1024 // 1024
"""What `shared.images` promises; the picture is made under the same ceiling."""
SIZE = (SIDE, SIDE)
COLOUR = (9, 99, 199, 99)


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.new("RGB", SIZE, COLOUR[:3]), "JPEG", exif=exif, subsampling=0)


PICTURES = {
    "png rgba": lambda: encoded(Image.new("RGBA", SIZE, COLOUR), "PNG", compress_level=1),
    "png transparent": lambda: encoded(Image.new("P", SIZE, 3), "PNG", compress_level=1, transparency=3),
    "png grey": lambda: encoded(Image.new("L", SIZE, 99), "PNG", compress_level=1),
    "jpeg cmyk progressive": lambda: encoded(Image.new("CMYK", SIZE, COLOUR), "JPEG", progressive=True),
    "jpeg turned": _turned,
    "webp": lambda: encoded(Image.new("RGB", SIZE, COLOUR[:3]), "WEBP", method=0),
    "tiff rgba": lambda: encoded(Image.new("RGBA", SIZE, COLOUR), "TIFF", compression="tiff_lzw"),
}
KINDS = tuple(PICTURES)


def case(index: int) -> bytes:
    """The picture."""
    return PICTURES[KINDS[index]]()


def check(data: bytes) -> str:
    """Accepted."""
    try:
        image = decode(data, LIMITS)
    except ImageRejected as refused:
        return f"rejected\t{refused.line}"
    return f"accepted\t{image.shape[0] * image.shape[1]}"


def warm_up() -> None:
    """Load the codecs."""
    for data in seeds().values():
        check(data)
