"""Which scores a map's grey values stand for, written into the picture itself: in the store it has no event beside it.

A PNG `tEXt` chunk (PNG 1.2, section 4.2.3.1) with the keyword `linegate-range` and `low high` as text, after IHDR.
"""

import struct
import zlib
from typing import Final

from shared.evidence.heat import PLAIN, HeatRange

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = len(_SIGNATURE) + 25
"""Signature and the IHDR chunk, which is always the first and 13 bytes long."""
_KEYWORD: Final = b"linegate-range\0"


def with_range(map_png: bytes, low: float, high: float) -> bytes:
    """The same PNG with its range; anything else is answered as it is."""
    if not map_png.startswith(_SIGNATURE) or len(map_png) < _HEADER:
        return map_png
    body = b"tEXt" + _KEYWORD + f"{low!r} {high!r}".encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return map_png[:_HEADER] + chunk + map_png[_HEADER:]


def range_of(map_png: bytes, threshold: float | None = None) -> HeatRange:
    """The range that `with_range` wrote, with a verdict's threshold; where there is none, the map's own range."""
    if map_png[_HEADER + 4 : _HEADER + 8] != b"tEXt" or map_png[_HEADER + 8 :][: len(_KEYWORD)] != _KEYWORD:
        return PLAIN
    (length,) = struct.unpack(">I", map_png[_HEADER : _HEADER + 4])
    text = map_png[_HEADER + 8 + len(_KEYWORD) : _HEADER + 8 + length]
    try:
        low, high = (float(part) for part in text.split(b" "))
    except ValueError:
        return PLAIN
    return HeatRange(low, high, threshold)
