"""Valid pictures of every kind that is taken, and of some that are not: what the mutations start from."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """The file that Pillow would write."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with a true length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    *middle: bytes,
    colour: int = 2,
    bits: int = 8,
    interlace: int = 0,
    data: bytes | None = None,
) -> bytes:
    """A black PNG with chunks of one's own before the pixels."""
    row = (width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * bits + 7) // 8
    pixels = zlib.compress(bytes((row + 1) * height)) if data is None else data
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(middle) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def tiff(tags: dict[int, tuple[int, list[int]]], pixels: bytes, *, order: str = "<") -> bytes:
    """A TIFF of one directory; the tags 273 and 324 (where the pixels are) are set to where they come to lie."""
    codes = {1: "B", 3: "H", 4: "I"}
    place = 8 + 2 + 12 * len(tags) + 4 + sum(_long(kind, values) for kind, values in tags.values())
    entries, values_behind = b"", b""
    for tag, (kind, given) in sorted(tags.items()):
        values = [place] if tag in (273, 324) and given == [0] else given
        raw = struct.pack(f"{order}{len(values)}{codes[kind]}", *values)
        if len(raw) > 4:
            where = 8 + 2 + 12 * len(tags) + 4 + len(values_behind)
            values_behind += raw
            raw = struct.pack(f"{order}I", where)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return start + entries + bytes(4) + values_behind + pixels


def _long(kind: int, values: list[int]) -> int:
    size = {1: 1, 3: 2, 4: 4}[kind] * len(values)
    return size if size > 4 else 0


def strips(width: int, height: int, pixels: bytes, *, compression: int = 1, order: str = "<", **more: Any) -> bytes:
    """An RGB TIFF in one strip."""
    tags = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [8, 8, 8]), 259: (3, [compression]), 262: (3, [2]),
        273: (4, [0]), 277: (3, [3]), 278: (4, [height]), 279: (4, [len(pixels)]), **more.get("tags", {}),
    }  # fmt: skip
    return tiff(tags, pixels, order=order)


def tiles(width: int, height: int, tile: tuple[int, int], pixels: bytes, *, compression: int = 8) -> bytes:
    """An RGB TIFF in one tile."""
    tags = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [8, 8, 8]), 259: (3, [compression]), 262: (3, [2]),
        277: (3, [3]), 322: (4, [tile[0]]), 323: (4, [tile[1]]), 324: (4, [0]), 325: (4, [len(pixels)]),
    }  # fmt: skip
    return tiff(tags, pixels)


def run_length_bmp(width: int, height: int, runs: bytes, *, bits: int = 8) -> bytes:
    """A BMP of compression RLE8 or RLE4."""
    palette = b"".join(bytes((i, i, i, 0)) for i in range(1 << bits))
    sizes = (len(runs), 0, 0, 1 << bits, 0)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 1 if bits == 8 else 2, *sizes)
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + info + palette + runs


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = encoded(Image.new("L", (width, height), 128), "JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * scans + whole[-2:]


@cache
def seeds() -> dict[str, bytes]:
    """Small pictures, so that a mutation hits something that matters."""
    noise = np.random.default_rng(1).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    smooth = np.linspace(0, 255, 24 * 36 * 3).reshape(24, 36, 3).astype(np.uint8)
    rgb, ramp = Image.fromarray(noise), Image.fromarray(smooth)
    grey, palette = ramp.convert("L"), ramp.convert("P")
    sixteen = Image.fromarray(np.arange(24 * 36, dtype=np.uint16).reshape(24, 36) * 75)
    clear = ramp.copy()
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "camera", 72.0
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    meta: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    two = {"save_all": True, "append_images": [rgb]}
    found = {
        "jpeg": encoded(rgb, "JPEG"), "jpeg progressive": encoded(ramp, "JPEG", progressive=True),
        "jpeg grey": encoded(grey, "JPEG"), "jpeg cmyk": encoded(ramp.convert("CMYK"), "JPEG"),
        "jpeg meta": encoded(ramp, "JPEG", comment=b"c", **meta), "jpeg 4:4:4": encoded(rgb, "JPEG", subsampling=0),
        "jpeg restart": encoded(ramp, "JPEG", restart_marker_blocks=1), "mpo": encoded(ramp, "MPO", **two),
        "png": encoded(rgb, "PNG"), "png alpha": encoded(clear, "PNG"), "png palette": encoded(palette, "PNG"),
        "png transparent": encoded(palette, "PNG", transparency=3), "png bilevel": encoded(grey.convert("1"), "PNG"),
        "png grey alpha": encoded(clear.convert("LA"), "PNG"), "png 16 bits": encoded(sixteen, "PNG"),
        "png meta": encoded(ramp, "PNG", **meta), "apng": encoded(ramp, "PNG", **two),
        "png interlaced": png(36, 24, interlace=1, data=zlib.compress(bytes(36 * 24 * 3 + 200))),
        "png 16 bit rgb": png(9, 7, colour=2, bits=16),
        "png text": png(9, 7, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"text")), chunk(b"tEXt", b"a\0b")),
        "tiff": encoded(rgb, "TIFF"), "tiff big-endian": strips(6, 4, bytes(72), order=">"),
        "tiff lzw": encoded(ramp, "TIFF", compression="tiff_lzw"),
        "tiff tiles": tiles(20, 20, (32, 32), zlib.compress(bytes(3072))),
        "tiff deflate": encoded(ramp, "TIFF", compression="tiff_adobe_deflate"),
        "tiff pack bits": encoded(ramp, "TIFF", compression="packbits"),
        "tiff jpeg": encoded(ramp, "TIFF", compression="jpeg"), "tiff g4": encoded(grey.convert("1"),
        "TIFF", compression="group4"),
        "tiff 16 bits": encoded(sixteen, "TIFF"), "tiff cmyk": encoded(ramp.convert("CMYK"), "TIFF"),
        "tiff palette": encoded(palette, "TIFF"), "tiff pages": encoded(ramp, "TIFF", **two),
        "tiff meta": encoded(ramp, "TIFF", **meta), "tiff float": encoded(grey.convert("F"), "TIFF"),
        "tiff lzma": encoded(ramp, "TIFF", compression="lzma"), "tiff zstd": encoded(ramp, "TIFF", compression="zstd"),
        "big tiff": encoded(ramp, "TIFF", big_tiff=True), "tiff alpha": encoded(clear, "TIFF", compression="tiff_lzw"),
        "bmp": encoded(rgb, "BMP"), "bmp palette": encoded(palette, "BMP"),
        "bmp bilevel": encoded(grey.convert("1"), "BMP"),
        "bmp alpha": encoded(clear, "BMP"), "bmp rle8": run_length_bmp(8, 2, b"\x08\x05\0\0\x08\x07\0\1"),
        "webp": encoded(ramp, "WEBP"), "webp lossless": encoded(rgb, "WEBP", lossless=True),
        "webp alpha": encoded(clear, "WEBP"), "webp meta": encoded(ramp, "WEBP", **meta),
        "webp animated": encoded(ramp, "WEBP", **two),
        "gif": encoded(palette, "GIF"), "ppm": encoded(rgb, "PPM"), "jpeg 2000": encoded(ramp, "JPEG2000"),
        "ico": encoded(ramp, "ICO"),
    }  # fmt: skip
    return dict(sorted(found.items()))
