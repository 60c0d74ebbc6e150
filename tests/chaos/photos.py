"""Tiny photos as the records that cameras send, a share of them malformed in every way that a camera gets wrong."""

import hashlib
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from PIL import Image as Pillow

from shared.bus.envelope import encode
from shared.bus.record import OutgoingRecord
from shared.events import PartImage, now
from shared.images import encode_png

AnswerKind: TypeAlias = Literal["verdict", "dead_letter"]
PLANTS: Final = ("munich", "puebla")
SIDE: Final = 40
DIFFERENT: Final = 32
"""Pictures; the photos share them."""
PARTS: Final = 500
MALFORMED: Final = 0.08


@dataclass(frozen=True, slots=True)
class Draft:
    """A photo to send, and what has to come of it."""

    id: str
    """Of the event, also where the record does not carry it."""
    kind: str
    part: str
    answer: AnswerKind
    record: OutgoingRecord


class Photos:
    """A seeded stream of photos.

    Args:
        seed: of pictures, places and kinds.
        folder: receives the pictures that are sent by reference; the one folder that a `dataref` may point into.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._dice = random.Random(f"photos-{seed}")  # noqa: S311 - photos, not secrets
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        arrays = [picture(i) for i in range(DIFFERENT)]
        self._png = [encode_png(array) for array in arrays]
        self._jpeg = [_jpeg(array) for array in arrays]
        for i, data in enumerate(self._png):
            (folder / f"{i}.png").write_bytes(data)
        (folder.parent / "secret.png").write_bytes(self._png[0])

    def __iter__(self) -> Iterator[Draft]:
        """Without end."""
        number = 0
        while True:
            bad = self._dice.random() < MALFORMED
            kind = self._dice.choice(tuple(BAD if bad else GOOD))
            event = self._event(number)
            record = (BAD if bad else GOOD)[kind](self, event)
            yield Draft(event.id, kind, event.part, "dead_letter" if bad else "verdict", record)
            number += 1

    def _event(self, number: int) -> PartImage:
        return PartImage(
            id=f"chaos-{self._seed}-{number:06d}",
            source="/chaos/camera",
            part=f"P{self._dice.randrange(PARTS)}",
            plant=self._dice.choice(PLANTS),
            line=f"line-{self._dice.randrange(3)}",
            captured=now(),
            pixels=self._dice.choice(self._png),
            mediatype="image/png",
        )

    def _by_reference(self, event: PartImage, url: str | None = None, sha256: str | None = None) -> OutgoingRecord:
        number = self._dice.randrange(DIFFERENT)
        data = self._png[number]
        reference = {
            "pixels": None,
            "dataref": url or (self._folder / f"{number}.png").as_uri(),
            "datasha256": sha256 or hashlib.sha256(data).hexdigest(),
            "datasize": len(data),
        }
        return encode(event.model_copy(update=reference))

    def jpeg(self, event: PartImage) -> OutgoingRecord:
        """A good JPEG."""
        return _with_pixels(event, self._dice.choice(self._jpeg), "image/jpeg")

    def truncated(self, event: PartImage) -> OutgoingRecord:
        """Half a JPEG."""
        data = self._dice.choice(self._jpeg)
        return _with_pixels(event, data[: len(data) // 2], "image/jpeg")

    def referenced(self, event: PartImage) -> OutgoingRecord:
        """A good `dataref`."""
        return self._by_reference(event)

    def lying_reference(self, event: PartImage) -> OutgoingRecord:
        """A `dataref` with another picture's sha256."""
        return self._by_reference(event, sha256="0" * 64)

    def dead_reference(self, event: PartImage) -> OutgoingRecord:
        """A `dataref` to no file."""
        return self._by_reference(event, url=(self._folder / "no-such.png").as_uri())

    def escaping_reference(self, event: PartImage) -> OutgoingRecord:
        """A `dataref` out of its root."""
        return self._by_reference(event, url=f"{self._folder.as_uri()}/../secret.png")


def picture(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(SIDE, SIDE, 3) uint8: coarse noise, so that it stays small as PNG."""
    coarse = np.random.default_rng(number).integers(60, 190, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, axis=0).repeat(8, axis=1))


def _jpeg(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(array).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _with_pixels(event: PartImage, pixels: bytes, mediatype: str = "image/png") -> OutgoingRecord:
    return encode(event.model_copy(update={"pixels": pixels, "mediatype": mediatype}))


def _bomb() -> bytes:
    """A PNG of a few bytes whose header promises 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def _header(event: PartImage, name: str, data: bytes | None) -> OutgoingRecord:
    """The event's record with one header set to `data`, or left out."""
    record = encode(event)
    headers = [header for header in record.headers if header[0] != name]
    if data is not None:
        headers.append((name, data))
    return OutgoingRecord(record.topic, record.key, record.value, tuple(headers))


def _doubled(event: PartImage) -> OutgoingRecord:
    record = encode(event)
    return OutgoingRecord(record.topic, record.key, record.value, (*record.headers, ("ce_id", b"another")))


def _value(event: PartImage, value: bytes | None) -> OutgoingRecord:
    record = encode(event)
    return OutgoingRecord(record.topic, record.key, value, record.headers)


Make: TypeAlias = Callable[[Photos, PartImage], OutgoingRecord]
GOOD: Final[dict[str, Make]] = {
    "png": lambda _, event: encode(event),
    "jpeg": Photos.jpeg,
    "referenced": Photos.referenced,
}
BAD: Final[dict[str, Make]] = {
    "truncated": Photos.truncated,
    "no picture": lambda _, event: _with_pixels(event, b"this is no picture"),
    "bomb": lambda _, event: _with_pixels(event, _bomb()),
    "no value": lambda _, event: _value(event, None),
    "later version": lambda _, event: _header(event, "ce_type", b"io.linegate.image.v9"),
    "other event": lambda _, event: _header(event, "ce_type", b"com.example.door.opened"),
    "no id": lambda _, event: _header(event, "ce_id", None),
    "no part": lambda _, event: _header(event, "ce_part", None),
    "two ids": lambda _, event: _doubled(event),
    "misspelt header": lambda _, event: _header(event, "ce_plnt", b"munich"),
    "unknown plant": lambda _, event: _header(event, "ce_plant", b"atlantis"),
    "impossible plant": lambda _, event: _header(event, "ce_plant", b"M\xc3\xbcnchen!"),
    "lying reference": Photos.lying_reference,
    "dead reference": Photos.dead_reference,
    "escaping reference": Photos.escaping_reference,
}
