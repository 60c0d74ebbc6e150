"""What a picture's first bytes say, whatever the bytes are."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.photo_header import (
    MEDIA_TYPES,
    MediaType,
    PhotoHeader,
    TooManyPixelsError,
    UnknownPictureError,
    media_type,
    read_header,
)

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*", b"BM", b"RIFF\x00\x00\x00\x00WEBP", b"")


def encoded(kind: MediaType, width: int = 40, height: int = 30) -> bytes:
    """A picture of `kind`."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(buffer, MEDIA_TYPES[kind])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_the_header_tells_type_and_size(kind: MediaType) -> None:
    """Every accepted format is known by its content."""
    assert read_header(encoded(kind), max_pixels=1200) == PhotoHeader(kind, 40, 30)
    with pytest.raises(TooManyPixelsError, match="40 x 30"):
        read_header(encoded(kind), max_pixels=1199)


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/bmp"])
def test_pixels_are_not_decoded(kind: MediaType) -> None:
    """A photo that ends right after its header is still told by it; finding the damage is the crop worker's work."""
    data = encoded(kind, 400, 300)
    assert read_header(data[: len(data) // 2], max_pixels=10**6).width == 400


def refusal(data: bytes) -> str | None:
    """Why `data` is refused; None when its header is fine and within the limit. Any other error fails the test."""
    try:
        header = read_header(data, max_pixels=10**6)
    except (UnknownPictureError, TooManyPixelsError) as error:
        return str(error)
    assert (header.mediatype, header.width * header.height <= 10**6) == (media_type(data), True)
    return None


@given(start=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_any_bytes_are_a_header_or_a_clear_refusal(start: bytes, rest: bytes) -> None:
    """Hostile bytes behind any magic number raise nothing but the two documented errors, told in one line."""
    assert "\n" not in (refusal(start + rest) or "")


@given(kind=st.sampled_from(sorted(MEDIA_TYPES)), position=st.integers(0, 200), value=st.integers(0, 255))
def test_a_flipped_byte_is_no_crash(kind: MediaType, position: int, value: int) -> None:
    """One wrong byte anywhere in a real header is told as such or does no harm."""
    data = bytearray(encoded(kind))
    data[position % len(data)] = value
    assert "\n" not in (refusal(bytes(data)) or "")
