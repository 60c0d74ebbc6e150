"""Small files that cost a decoder much: found from their structure, before a decoder believes it.

The number of pixels bounds the work on an honest picture. What is looked for here makes a file of a few kilobytes cost
seconds or gigabytes although its picture is small (tests/fuzz/bombs.py keeps them, with figures): tiles larger than the
picture, millions of strips, scans without end in a progressive JPEG, colour profiles without end in a PNG.
"""

import io
import re
import struct
from typing import Final

from PIL import TiffImagePlugin

MAX_READS: Final = 200_000
"""Reads of a file by Pillow's Python code; a photo takes some hundreds, a PNG cut into 1 KiB chunks 130 000."""
MAX_SCANS: Final = 100
"""Of a JPEG. Progressive encoders write about 10; libtiff allows as many as we do."""
MAX_SEGMENTS: Final = 4096
MAX_STRIPS: Final = 65_536
MAX_PROFILES: Final = 8
TIFF_COMPRESSIONS: Final = {
    1: "none", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 7: "JPEG", 8: "Deflate",
    32946: "Deflate", 32773: "PackBits",
}  # fmt: skip
"""Those that cameras and scanners write (TIFF 6.0 and its supplements). libtiff knows a dozen more (LZMA, Zstandard,
LogLuv, old JPEG ...): each is one more decoder within reach of a sender, and no camera needs it."""
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""A JPEG marker other than a restart: inside a scan, a 0xFF that is no marker has a zero behind it."""
_COMPRESSION, _STRIPS, _TILE_WIDTH, _TILE_LENGTH, _TILES = 259, 273, 322, 323, 324


class TooManyReadsError(Exception):
    """The file is cut into too many pieces."""


class MeteredFile(io.BytesIO):
    """A file that ends the patience with formats whose pieces Pillow reads one by one."""

    _reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, within the budget.

        Raises:
            TooManyReadsError: the budget is spent.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise TooManyReadsError
        return super().read(size)


def find_bomb(data: bytes, *, max_pixels: int) -> str | None:
    """Why this file must not be handed to a decoder; None where nothing speaks against it.

    Files that are damaged otherwise pass: the decoder says so better. What Pillow itself bounds is left to it (text
    chunks and profiles of a PNG, overlapping values of a TIFF; Pillow 13).

    Args:
        data: the encoded picture.
        max_pixels: the limit on what the picture, or a part of it, may unpack to.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return _in_jpeg(data)
    if data.startswith(b"\x89PNG"):
        many = data.count(b"iCCP") > MAX_PROFILES
        return f"the PNG has more than {MAX_PROFILES} colour profiles" if many else None
    if data.startswith(b"RIFF"):
        return _in_webp(data, max_pixels)
    if data.startswith((b"II", b"MM")):
        return _in_tiff(data, max_pixels)
    return _in_bmp(data) if data.startswith(b"BM") else None


def _in_jpeg(data: bytes) -> str | None:
    position = segments = scans = 0
    while found := _MARKER.search(data, position):
        marker, position = data[found.start() + 1], found.end()
        segments += 1
        if marker == 0xD9:  # the end; behind it a phone may keep previews or a film
            return None
        if marker in (0xD8, 0x01):
            continue
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            return f"the JPEG has more than {MAX_SCANS} scans; save it as a baseline JPEG"
        if segments > MAX_SEGMENTS:
            return f"the JPEG has more than {MAX_SEGMENTS} segments"
        position += int.from_bytes(data[position : position + 2], "big")
    return None


def _in_webp(data: bytes, max_pixels: int) -> str | None:
    """The canvas of an animation is allocated when the file is opened, before anybody can ask for its size."""
    if data[12:16] != b"VP8X" or len(data) < 30:
        return None
    width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    return _too_large("WebP's canvas", width, height, max_pixels)


def _in_tiff(data: bytes, max_pixels: int) -> str | None:
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:3] == b"+" or data[3:4] == b"+" else 8])
        stream = MeteredFile(data)
        stream.seek(tags.next)
        tags.load(stream)
        parts = max(len(tags.get(_STRIPS, ())), len(tags.get(_TILES, ())))
        compression = tags.get(_COMPRESSION, 1)
        tile = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    except (TooManyReadsError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a damaged directory raises nearly anything; opening the file will tell
        return None
    if parts > MAX_STRIPS:
        return f"the TIFF has more than {MAX_STRIPS} strips or tiles"
    if compression not in TIFF_COMPRESSIONS:
        names = ", ".join(dict.fromkeys(TIFF_COMPRESSIONS.values()))
        return f"TIFF compression {compression} is not taken; save it with one of {names}"
    if not all(isinstance(side, int) for side in tile):
        return "the TIFF's tiles have no size"
    return _too_large("TIFF's tiles", *tile, max_pixels)


def _in_bmp(data: bytes) -> str | None:
    """Pillow decodes run lengths in Python, pixel by pixel."""
    if len(data) < 34 or struct.unpack_from("<I", data, 14)[0] < 40:
        return None
    packed = struct.unpack_from("<I", data, 30)[0] in (1, 2)
    return "run-length encoded BMP is not taken; save it as PNG" if packed else None


def _too_large(what: str, width: int, height: int, max_pixels: int) -> str | None:
    if width * height <= max_pixels:
        return None
    return f"the {what} would have too many pixels ({width} x {height}), the limit is {max_pixels}"
