"""The limits on an upload hold however it is cut, declared or nested: read no further, and keep no more."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from itertools import repeat

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message

from services.gateway.problems import ProblemError
from services.gateway.upload import FORM_OVERHEAD, Upload, read_upload

LIMIT = 512 * 1024
BOUND = b"--b\r\n"
FILE = BOUND + b'Content-Disposition: form-data; name="file"; filename="p.jpg"\r\n'
FIELD = BOUND + b'Content-Disposition: form-data; name="%d"\r\n\r\nx\r\n'
FORM = "multipart/form-data; boundary=b"


class Body:
    """A request's body, which counts how much of it was read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.read = 0

    async def receive(self) -> Message:
        """The next chunk, as an ASGI server hands it over."""
        chunk = next(self._chunks, None)
        self.read += len(chunk or b"")
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def upload(body: Body, content_type: str, **headers: str) -> Upload:
    """What the gateway makes of it."""
    fields = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw, "app": object()}
    return asyncio.run(read_upload(Request(scope, body.receive), limit=LIMIT))


def split(data: bytes, size: int = 16 * 1024) -> Iterator[bytes]:
    """The same bytes in chunks."""
    return (data[at : at + size] for at in range(0, len(data), size))


ENDLESS: dict[str, tuple[str, bytes, bytes]] = {
    "a raw body": ("image/jpeg", b"\xff\xd8\xff", b"x" * 16_384),
    "a file": (FORM, FILE + b"\r\n", b"x" * 16_384),
    "a field": (FORM, BOUND + b'Content-Disposition: form-data; name="part"\r\n\r\n', b"x" * 16_384),
    "fields": (FORM, b"", (FIELD % 1) * 200),
    "files": (FORM, b"", (FILE + b"\r\nx\r\n") * 200),
    "parts without a name": (FORM, b"", (BOUND + b"\r\nx\r\n") * 1000),
    "part headers": (FORM, FILE, b"a: b\r\n" * 2000),
    "one part header": (FORM, FILE + b"a: ", b"b" * 16_384),
    "a part header's name": (FORM, FILE, b"a" * 16_384),
    "a preamble": (FORM, b"", b"\r\n" * 8000),
    "text before the first boundary": (FORM, b"hello", b"x" * 16_384),
    "nested forms": (FORM, FILE + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n", b"--c\r\n\r\nx\r\n" * 1000),
    "almost boundaries": (FORM, FILE + b"\r\n", b"\r\n--" * 4000),
}
"""Content type, beginning, and what then comes for ever."""


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_endless_upload_is_cut_off(kind: str) -> None:
    """Without an announced length: not more than the cap and one chunk is read, little more than that is kept."""
    content_type, start, again = ENDLESS[kind]
    body = Body(iter_of(start, again))
    tracemalloc.start()
    try:
        with pytest.raises((ProblemError, HTTPException)) as refused:
            upload(body, content_type)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    told = refused.value
    assert (told.problem.status if isinstance(told, ProblemError) else told.status_code) in (400, 413)
    assert body.read <= LIMIT + FORM_OVERHEAD + len(again)
    assert peak < 4 * (LIMIT + FORM_OVERHEAD)


def iter_of(start: bytes, again: bytes) -> Iterator[bytes]:
    """`start`, and then `again` for ever."""
    if start:
        yield start
    yield from repeat(again)


@pytest.mark.parametrize("announced", [str(LIMIT + FORM_OVERHEAD + 1), "9" * 4000])
@pytest.mark.parametrize("content_type", ["image/jpeg", FORM])
def test_an_announced_length_is_believed_when_it_is_too_large(announced: str, content_type: str) -> None:
    """Nothing is read."""
    body = Body(iter_of(b"", b"x" * 1000))
    with pytest.raises(ProblemError) as refused:
        upload(body, content_type, content_length=announced)
    assert refused.value.problem.status == 413
    assert body.read == 0


@pytest.mark.parametrize("announced", ["0", "-1", "1e9", "", "٣", "5, 5"])
def test_an_announced_length_is_not_believed_when_it_is_small_or_odd(announced: str) -> None:
    """What comes is counted."""
    body = Body(iter_of(b"", b"x" * 10_000))
    with pytest.raises(ProblemError) as refused:
        upload(body, "image/jpeg", content_length=announced)
    assert refused.value.problem.status == 413
    assert body.read <= LIMIT + 10_000


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 5000,
     "multipart/form-data; charset=utf-7; boundary=b", "multipart/form-data; boundary=\xff"],
)  # fmt: skip
def test_odd_boundaries_are_a_client_s_mistake(content_type: str) -> None:
    """Never a server error."""
    with pytest.raises((ProblemError, HTTPException)) as refused:
        upload(Body(split(b"--b\r\n\r\nx")), content_type)
    told = refused.value
    assert 400 <= (told.problem.status if isinstance(told, ProblemError) else told.status_code) < 500


def test_the_largest_photo_passes() -> None:
    """The negative control: exactly the limit, raw and in a form, with as many fields as there may be."""
    photo = b"\xff\xd8\xff" + b"x" * (LIMIT - 3)
    assert upload(Body(split(photo)), "image/jpeg").pixels == photo
    fields = b"".join(FIELD % n for n in range(32))
    form = fields + FILE + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--b--\r\n"
    got = upload(Body(split(form)), FORM)
    assert (got.pixels, got.declared, len(got.fields)) == (photo, "image/jpeg", 32)


@given(
    st.lists(st.sampled_from([BOUND, FILE, FIELD % 1, b"\r\n", b"\r\n\r\n", b"--b--", b"--", b"a: b\r\n", b"\0",
    b"x" * 50]), max_size=30),
    st.integers(1, 40),
)  # fmt: skip
def test_no_form_breaks_the_parser(pieces: list[bytes], size: int) -> None:
    """Pieces of forms in any order and cut anywhere: an upload, or a mistake of the client."""
    try:
        upload(Body(split(b"".join(pieces), size)), FORM)
    except (ProblemError, HTTPException) as told:
        status = told.problem.status if isinstance(told, ProblemError) else told.status_code
        assert 400 <= status < 500
