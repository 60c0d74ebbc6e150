"""Pictures that were found to cost a decoder seconds or gigabytes before `shared.image_bombs` refused them.

Each is made here rather than kept, since most have to be large; beside each what it took without the check, once, on
one core, under the default limits (32 MiB, 64 million pixels).
"""

import struct
import zlib

from shared.images import ImageRejected, decode
from shared.settings import ImageSettings
from tests.fuzz.seeds import chunk, many_scans, png, run_length_bmp, seeds, strips, tiles

LIMITS = ImageSettings()
MANY = 2_500_000


def _zeros() -> bytes:
    return zlib.compress(bytes(100_000_000), 9)


def _jpeg_with(head: bytes) -> bytes:
    whole = seeds()["jpeg"]
    return whole[:2] + head + whole[2:]


def _profiles() -> bytes:
    body = b"k\0\0" + zlib.compress(bytes(1_000_000), 9)
    return png(4, 4, *[chunk(b"iCCP", body)] * 2000)


def _canvas() -> bytes:
    whole = seeds()["webp animated"]
    return whole[:24] + (11_999).to_bytes(3, "little") * 2 + whole[30:]


BOMBS = {
    "a tile of 23168 x 23168 in a picture of 10 x 10: 1.5 GiB": lambda: tiles(10, 10, (23168, 23168), _zeros()),
    "4 million strips, one behind the other: 66 s, 1.1 GiB": lambda: strips(
        10, 10, bytes(300), tags={273: (4, list(range(100, 4_000_100))), 278: (4, [1]), 279: (4, [1] * 4_000_000)}
    ),
    "scans of nothing in 64 million pixels: 35 ms for each 95 bytes": lambda: many_scans(8000, 8000, 1000),
    "2.5 million comments: 4 s, 175 MiB": lambda: _jpeg_with(b"\xff\xfe\0\x02" * MANY),
    "30 million fill bytes: 19 s": lambda: _jpeg_with(b"\xff" * 12 * MANY),
    "rubbish between segments: 7 s": lambda: _jpeg_with(b"\xff\xfe\0\x02" + bytes(12 * MANY)),
    "escaped rubbish between segments: 12 s": lambda: _jpeg_with(b"\xff\xfe\0\x02" + b"\xff\0" * 6 * MANY),
    "2.5 million chunks of nothing: 8 s, 220 MiB": lambda: png(4, 4, chunk(b"abCd", b"") * MANY),
    "one colour profile after the other: 2 ms a kilobyte": _profiles,
    "30 kB of line ends in 64 million pixels: 8 s": lambda: run_length_bmp(8000, 8000, b"\x01\x07\0\0" * 8000),
    "a canvas of 12000 x 12000: 1 GiB of address space before its size is known": _canvas,
    "a gigapixel PNG": lambda: png(40_000, 40_000, data=zlib.compress(b"")),
    "a gigapixel JPEG": lambda: seeds()["jpeg"].replace(struct.pack(">HH", 24, 36), b"\xff\xdc" * 2, 1),
}
NAMES = tuple(BOMBS)


def case(index: int) -> bytes:
    """The bomb."""
    return BOMBS[NAMES[index]]()


def check(data: bytes) -> str:
    """Refused, in one line."""
    assert len(data) <= LIMITS.max_bytes, "refused for its size, it would show nothing"
    try:
        decode(data, LIMITS)
    except ImageRejected as refused:
        return f"rejected\t{refused.line}"
    return "accepted\t"


def warm_up() -> None:
    """Load the codecs."""
    for data in seeds().values():
        check(data)
