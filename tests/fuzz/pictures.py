"""Malformed pictures, the same again for the same number, and what the decoder may make of them."""

import random
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np

from shared.images import ImageRejected, decode
from shared.settings import ImageSettings
from tests.fuzz.seeds import chunk, png, seeds, strips, tiles

LIMITS = ImageSettings(max_bytes=1024 * 1024, max_pixels=1_000_000)
MEMORY_MIB = 100 + 32 * LIMITS.max_pixels // 1024 // 1024
"""What `shared.images` promises."""
MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"BM",
    b"RIFF\0\1\0\0WEBP",
    b"MM*\0",
)
NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    1000,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
Mutation = Callable[[random.Random, bytes], bytes]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip_bits(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes_in_the_header(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        changed[rng.randrange(min(len(data), 300))] = rng.randrange(256)
    return bytes(changed)


def _number(rng: random.Random, data: bytes) -> bytes:
    """Some field of two or four bytes, anywhere near the beginning, lies."""
    code = rng.choice(("<H", ">H", "<I", ">I"))
    raw = struct.pack(code, rng.choice(NUMBERS) & (0xFFFF if "H" in code else 0xFFFF_FFFF))
    at = rng.randrange(max(1, min(len(data), 600) - len(raw)))
    return data[:at] + raw + data[at + len(raw) :]


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 50, 1000))) + data[at:]


def _delete(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 2, 4, 50)) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    piece = data[at : at + rng.choice((1, 4, 12, 100))]
    return data[:at] + piece * rng.choice((2, 10, 300)) + data[at:]


def _splice(rng: random.Random, data: bytes) -> bytes:
    """Two formats in one file: the head of one, the tail of another, or one behind the other."""
    other = rng.choice(list(seeds().values()))
    if rng.random() < 0.3:
        return data + other
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _noise_behind_a_magic_number(rng: random.Random, data: bytes) -> bytes:
    return rng.choice(MAGIC) + (rng.randbytes(rng.randrange(400)) if rng.random() < 0.7 else data)


def _png_chunk(rng: random.Random, data: bytes) -> bytes:
    """One chunk changed, doubled, moved or dropped, with a checksum that is right: the decoder gets to see it."""
    if not data.startswith(MAGIC[1]):
        return _number(rng, data)
    parts, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    if not parts:
        return data
    which = rng.randrange(len(parts))
    kind, body = parts[which]
    what = rng.randrange(6)
    if what == 0 and body:
        parts[which] = kind, _flip_bits(rng, body)
    elif what == 1 and body:
        parts[which] = kind, _number(rng, body)
    elif what == 2:
        parts.insert(rng.randrange(len(parts) + 1), (kind, body))
    elif what == 3:
        parts.pop(which)
    elif what == 4:
        kinds = (
            b"zTXt",
            b"iCCP",
            b"iTXt",
            b"eXIf",
            b"PLTE",
            b"tRNS",
            b"gAMA",
            b"pHYs",
            b"acTL",
            b"fcTL",
            b"fdAT",
            b"IDAT",
            b"IEND",
            b"sRGB",
            b"cHRM",
        )
        bodies = (
            b"",
            b"k\0\0" + _zeros(),
            b"k\0\1\0\0\0" + _zeros(),
            rng.randbytes(rng.randrange(60)),
            bytes(13),
            bytes(26),
        )
        parts.insert(rng.randrange(1, len(parts) + 1), (rng.choice(kinds), rng.choice(bodies)))
    else:
        sides = [rng.choice(NUMBERS) for _ in range(2)]
        depth = (rng.choice((1, 2, 4, 8, 16, 3)), rng.choice((0, 2, 3, 4, 6, 5)), 0, 0, rng.choice((0, 1)))
        parts[0] = b"IHDR", struct.pack(">II5B", *sides, *depth)
    return data[:8] + b"".join(chunk(*part) for part in parts)


def _jpeg_segment(rng: random.Random, data: bytes) -> bytes:  # noqa: PLR0911 - one a mutation
    """One marker segment changed, doubled, dropped, or a new one put in."""
    starts = [at for at in range(2, len(data) - 4) if data[at] == 0xFF and data[at + 1] in _SEGMENTS]
    if not data.startswith(MAGIC[0]) or not starts:
        return _number(rng, data)
    at = rng.choice(starts)
    size = int.from_bytes(data[at + 2 : at + 4], "big") + 2
    segment = data[at : at + size]
    what = rng.randrange(6)
    if what == 0:
        return data[:at] + segment[:4] + _flip_bits(rng, segment[4:] or b"\0") + data[at + size :]
    if what == 1:
        return data[:at] + segment[:2] + struct.pack(">H", rng.choice(NUMBERS) & 0xFFFF) + data[at + 4 :]
    if what == 2:
        return data[:at] + segment * rng.choice((2, 3, 200)) + data[at + size :]
    if what == 3:
        return data[:at] + data[at + size :]
    if what == 4:
        body = rng.choice(
            (b"Exif\0\0", b"MPF\0", b"ICC_PROFILE\0\1\1", b"Photoshop 3.0\0", b"Adobe\0", b"")
        ) + rng.randbytes(rng.randrange(200))
        return data[:at] + bytes((0xFF, rng.choice(_SEGMENTS))) + struct.pack(">H", len(body) + 2) + body + data[at:]
    return data[:at] + segment[:5] + struct.pack(">HH", *(rng.choice(NUMBERS) & 0xFFFF for _ in "hw")) + data[at + 9 :]


_SEGMENTS = (0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xDC, 0xC3)


def _tiff_entry(rng: random.Random, data: bytes) -> bytes:
    """One directory entry changed: its tag, type, count or value."""
    if data[:4] not in (b"II*\0", b"MM\0*") or len(data) < 8:
        return _number(rng, data)
    order = "<" if data[:1] == b"I" else ">"
    first = struct.unpack_from(order + "I", data, 4)[0]
    if first + 2 > len(data):
        return data
    count = struct.unpack_from(order + "H", data, first)[0]
    at = first + 2 + 12 * rng.randrange(max(1, count))
    if at + 12 > len(data):
        return data
    tag, kind, number, value = struct.unpack_from(order + "HHII", data, at)
    what = rng.randrange(5)
    if what == 0:
        tag = rng.choice(
            (
                256,
                257,
                258,
                259,
                262,
                266,
                273,
                277,
                278,
                279,
                284,
                317,
                320,
                322,
                323,
                324,
                338,
                339,
                347,
                34675,
                0x8769,
                tag,
            )
        )
    elif what == 1:
        kind = rng.randrange(14)
    elif what == 2:
        number = rng.choice(NUMBERS)
    else:
        value = rng.choice((*NUMBERS, first, len(data), 34925, 50000, 50001, 32773, 7, 5, 6, 34712))
    return data[:at] + struct.pack(order + "HHII", tag, kind, number, value) + data[at + 12 :]


def _bomb(rng: random.Random, _: bytes) -> bytes:
    """Small files that promise much, in every place where something is packed."""
    side = rng.choice((3000, 8000, 16384, 32768, 65500))
    which = rng.randrange(6)
    if which == 0:
        return png(rng.choice((4, side)), 4, chunk(rng.choice((b"zTXt", b"iCCP")), b"k\0\0" + _zeros()), data=_zeros())
    if which == 1:
        return png(4, 4, *[chunk(b"zTXt", b"k%d\0\0" % n + _zeros()) for n in range(rng.randrange(20))])
    if which == 2:
        return tiles(10, 10, (side & ~15, rng.choice((16, side & ~15))), _zeros())
    if which == 3:
        return strips(
            rng.choice((10, side)), rng.choice((10, side)), _zeros(), compression=rng.choice((8, 5, 32773, 7, 34925))
        )
    if which == 4:
        count = rng.choice((10, 1000, 70_000))
        return strips(
            10, 10, bytes(300), tags={273: (4, list(range(400, 400 + count))), 278: (4, [1]), 279: (4, [30] * count)}
        )
    canvas = struct.pack("<I", rng.choice((0, side - 1)))[:3] + struct.pack("<I", side - 1)[:3]
    return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes((rng.randrange(256), 0, 0, 0)) + canvas + _zeros()[:400]


@cache
def _zeros() -> bytes:
    return zlib.compress(bytes(3_000_000), 9)


MUTATIONS: tuple[Mutation, ...] = (
    _cut, _flip_bits, _bytes_in_the_header, _number, _insert, _delete, _repeat, _splice, _noise_behind_a_magic_number,
    _png_chunk, _png_chunk, _jpeg_segment, _jpeg_segment, _tiff_entry, _tiff_entry, _bomb,
)  # fmt: skip


def case(index: int) -> bytes:
    """The picture of this number."""
    rng = random.Random(index)  # noqa: S311 - repeatable, not secret
    data = rng.choice(list(seeds().values()))
    for mutation in rng.choices(MUTATIONS, k=rng.choice((1, 1, 1, 2, 3))):
        data = mutation(rng, data or b"\0")
    return data


def check(data: bytes) -> str:
    """The outcome. Accepted: within the limits, and the same picture again (no stray memory shows). Else: why not.

    Raises:
        AssertionError: the decoder broke its promise.
    """
    try:
        image = decode(data, LIMITS)
    except ImageRejected as refused:
        reason = refused.line
        assert reason.strip()
        assert reason.isprintable()
        assert len(reason) < 400
        assert "emory" not in reason, reason
        return f"rejected\t{reason}"
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert 0 < image.shape[0] * image.shape[1] <= LIMITS.max_pixels
    assert np.array_equal(image, decode(data, LIMITS)), "decoded twice, it is two pictures"
    return "accepted\t"


def warm_up() -> None:
    """Load every codec, and the seeds, before memory is counted."""
    # As in production: Pillow's warnings of broken metadata are ignored; all others, ours too, are faults.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for data in seeds().values():
        check(data)
