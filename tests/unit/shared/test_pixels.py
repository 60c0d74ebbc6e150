"""Reading pixels by reference: what is allowed, what is verified, and whose fault a failure is."""

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import PartImage, now
from shared.images import ImageRejected
from shared.pixels import PixelSource, PixelsUnavailable
from shared.pixels.roots import parse_address, root_of
from shared.settings import ImageSettings, NetworkSettings, SettingsRejected

PICTURE = b"not really a picture, but bytes are bytes here"


def photo(dataref: str | None = None, *, data: bytes = PICTURE, **changed: object) -> PartImage:
    """An image event about `data`, inline or by reference."""
    fields: dict[str, object] = {
        "part": "p1",
        "plant": "munich",
        "line": "line-1",
        "captured": now(),
        "mediatype": "image/png",
        "dataref": dataref,
        "pixels": data if dataref is None else None,
        "datasha256": hashlib.sha256(data).hexdigest(),
        "datasize": len(data),
    }
    return PartImage.model_validate(fields | changed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An allowed folder with one picture, beside a secret that is not allowed."""
    root = tmp_path / "photos"
    (root / "line 1").mkdir(parents=True)
    (root / "a.png").write_bytes(PICTURE)
    (root / "line 1" / "b.png").write_bytes(PICTURE)
    (tmp_path / "photos-evil").mkdir()
    (tmp_path / "photos-evil" / "a.png").write_bytes(PICTURE)
    (tmp_path / "secret.png").write_bytes(PICTURE)
    return root


def source(*roots: str, **limits: object) -> PixelSource:
    """A source that allows these roots."""
    return PixelSource(ImageSettings.model_validate({"dataref_roots": roots, **limits}))


def test_inline_pixels_are_returned_as_they_are() -> None:
    """The common case."""
    assert source().read(photo()) == PICTURE


def test_inline_pixels_are_verified_where_the_event_says_how() -> None:
    """A wrong checksum is a damaged picture, however it travelled."""
    with pytest.raises(ImageRejected, match="sha256"):
        source().read(photo(datasha256="0" * 64))
    with pytest.raises(ImageRejected, match="limit is 10"):
        source(max_bytes=10).read(photo())


def test_reference_is_read(folder: Path) -> None:
    """With and without a trailing slash on the root; percent-encoded names are decoded."""
    assert source(f"file://{folder}").read(photo(f"file://{folder}/a.png")) == PICTURE
    assert source(f"file://{folder}/").read(photo(f"file://localhost{folder}/line%201/b.png")) == PICTURE


def test_no_root_no_reference(folder: Path) -> None:
    """References are refused unless a root was configured."""
    with pytest.raises(ImageRejected, match="below no allowed root"):
        source().read(photo(f"file://{folder}/a.png"))


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.png",
        "/%2e%2e/secret.png",
        "/..%2fsecret.png",
        "/%252e%252e/secret.png",
        "/./a.png",
        "-evil/a.png",
        "/..\\secret.png",
        "/a.png#x",
        "/a.png?x=1",
        "/a.png%00",
    ],
)
def test_ways_out_of_a_folder_are_refused(folder: Path, path: str) -> None:
    """Dots, encodings, sibling folders with the same beginning."""
    with pytest.raises(ImageRejected):
        source(f"file://{folder}").read(photo(f"file://{folder}{path}"))


@pytest.mark.parametrize(
    "url",
    [
        "http://photos.example@evil.example/a.png",
        "http://photos.example:80@evil.example/a.png",
        "http://photos.example.evil.example/a.png",
        "http://photos.example:8080/a.png",
        "https://photos.example/a.png",
        "http:///a.png",
        "http:/photos.example/a.png",
        "//photos.example/a.png",
        "simplecache::http://photos.example/a.png",
        "http://photos.example\\@evil.example/a.png",
        "http://photos.example:port/a.png",
        "http://[photos.example/a.png",
        "file:///etc/passwd",
        "memory://a",
        "a.png",
    ],
)
def test_ways_around_a_host_are_refused(url: str) -> None:
    """User names, other ports and schemes, hosts that only begin alike."""
    with pytest.raises(ImageRejected):
        source("http://photos.example/").read(photo(url))


def test_host_and_default_port_are_normalised() -> None:
    """The same address written otherwise is the same address."""
    roots = (parse_address("http://Photos.example:80/x/"),)
    assert root_of(parse_address("HTTP://photos.EXAMPLE/x/a.png"), roots) == roots[0]
    roots = (parse_address("http://[FD00::1]:8080/"), parse_address("http://[fd00::1]:80/"))
    assert [(root.authority, root.host) for root in roots] == [("[fd00::1]:8080", "fd00::1"), ("[fd00::1]", "fd00::1")]
    assert root_of(parse_address("http://[fd00::1]/a.png"), roots) == roots[1]


def test_link_out_of_the_folder_is_refused(folder: Path) -> None:
    """A symbolic link cannot widen what is allowed; one that stays inside may."""
    (folder / "out.png").symlink_to(folder.parent / "secret.png")
    (folder / "in.png").symlink_to(folder / "a.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    allowed = source(f"file://{folder}")
    assert allowed.read(photo(f"file://{folder}/in.png")) == PICTURE
    with pytest.raises(ImageRejected, match="leads out of its root"):
        allowed.read(photo(f"file://{folder}/out.png"))
    with pytest.raises(ImageRejected, match="cannot be followed"):
        allowed.read(photo(f"file://{folder}/loop.png"))


def test_pipe_and_folder_are_no_pictures(folder: Path) -> None:
    """A named pipe would hold the worker for ever."""
    os.mkfifo(folder / "pipe.png")
    for name in ("pipe.png", "line%201"):
        with pytest.raises(ImageRejected, match=r"no file|no picture"):
            source(f"file://{folder}").read(photo(f"file://{folder}/{name}"))


def test_missing_picture_is_the_senders_fault_missing_folder_is_ours(folder: Path) -> None:
    """One is dead-lettered, the other waits."""
    with pytest.raises(ImageRejected, match="there is no picture"):
        source(f"file://{folder}").read(photo(f"file://{folder}/missing.png"))
    with pytest.raises(PixelsUnavailable, match="cannot be read"):
        source(f"file://{folder}/gone").read(photo(f"file://{folder}/gone/a.png"))


def test_empty_folder_counts_as_an_unmounted_share(tmp_path: Path) -> None:
    """A mount point without its share must not dead-letter every part."""
    with pytest.raises(PixelsUnavailable, match="is empty") as caught:
        source(f"file://{tmp_path}").read(photo(f"file://{tmp_path}/a.png"))
    assert caught.value.hint == "is the share mounted?"


def test_size_and_checksum_are_verified(folder: Path) -> None:
    """What was announced is what is processed."""
    allowed, url = source(f"file://{folder}"), f"file://{folder}/a.png"
    with pytest.raises(ImageRejected, match="sha256"):
        allowed.read(photo(url, datasha256="0" * 64))
    with pytest.raises(ImageRejected, match="more than 5"):
        allowed.read(photo(url, datasize=5))
    with pytest.raises(ImageRejected, match=rf"{len(PICTURE)} bytes where datasize says 99"):
        allowed.read(photo(url, datasize=99))
    with pytest.raises(ImageRejected, match="limit is 10"):
        source(f"file://{folder}", max_bytes=10).read(photo(url))


def test_other_file_systems_through_fsspec() -> None:
    """The memory file system stands for every object store."""
    system = fsspec.filesystem("memory")
    system.pipe("/pixels-test/line 1/a.png", PICTURE)
    allowed = source("memory://pixels-test/")
    assert allowed.read(photo("memory://pixels-test/line%201/a.png")) == PICTURE
    with pytest.raises(ImageRejected, match="there is no picture"):
        allowed.read(photo("memory://pixels-test/b.png"))
    system.rm("/pixels-test", recursive=True)
    with pytest.raises(PixelsUnavailable, match="there is no memory://pixels-test"):
        allowed.read(photo("memory://pixels-test/line%201/a.png"))


class _Photos(BaseHTTPRequestHandler):
    """Answers by path: /200, /404, /redirect, /slow, /endless, /gzip."""

    hang = threading.Event()

    def do_GET(self) -> None:
        """One answer."""
        step = self.path.strip("/").split("?")[0]
        if step == "slow":
            self.hang.wait(20)
        self.send_response(
            {"redirect": 302, "slow": 200, "endless": 200}.get(step, int(step) if step.isdigit() else 200)
        )
        if step == "redirect":
            self.send_header("location", "/200")
        self.end_headers()
        try:
            if step == "endless":
                while True:
                    self.wfile.write(b"x" * 65536)
            self.wfile.write(PICTURE)
        except OSError:
            self.close_connection = True  # the client had enough, as it should

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def photo_server() -> Iterator[str]:
    """A real HTTP server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Photos)
    _Photos.hang.clear()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    _Photos.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_http_reference_is_read(photo_server: str) -> None:
    """A plain GET, with a query where the sender signed the URL."""
    assert source(photo_server).read(photo(f"{photo_server}/200")) == PICTURE
    assert source(photo_server).read(photo(f"{photo_server}/200?signature=x")) == PICTURE


@pytest.mark.parametrize("path", ["404", "410", "redirect", "400", "403?signature=expired", "204"])
def test_http_answers_that_are_the_senders_fault(photo_server: str, path: str) -> None:
    """Waiting would not help."""
    with pytest.raises(ImageRejected, match="answered"):
        source(photo_server).read(photo(f"{photo_server}/{path}"))


@pytest.mark.parametrize("path", ["500", "503", "429", "401", "403"])
def test_http_answers_that_are_ours(photo_server: str, path: str) -> None:
    """The line waits until the photo server is well again."""
    with pytest.raises(PixelsUnavailable, match="answered"):
        source(photo_server).read(photo(f"{photo_server}/{path}"))


def test_a_named_host_within_the_plant_has_to_be_allowed(photo_server: str) -> None:
    """A root's host name can be turned to another address by whoever rules its DNS; until it is allowed, parts wait."""
    root = photo_server.replace("127.0.0.1", "localhost")
    with pytest.raises(PixelsUnavailable, match="private or loopback") as refused:
        source(root).read(photo(f"{root}/200"))
    assert refused.value.hint == 'network.allow_private = ["localhost"] allows it'
    allowed = PixelSource(ImageSettings(dataref_roots=(root,)), NetworkSettings(allow_private=("localhost",)))
    assert allowed.read(photo(f"{root}/200")) == PICTURE


def test_a_hanging_photo_server_frees_its_places_again(photo_server: str) -> None:
    """More fetches than may hang at once: the time limit ends each of them for good."""
    impatient = source(photo_server, fetch_timeout_s=0.05)
    for _ in range(40):
        with pytest.raises(PixelsUnavailable, match=r"within|cannot be reached|hang already"):
            impatient.read(photo(f"{photo_server}/slow"))
    for thread in threading.enumerate():
        if thread.name == "pixel-fetch":
            thread.join(20)
            assert not thread.is_alive()
    assert source(photo_server).read(photo(f"{photo_server}/200")) == PICTURE


def test_slow_server_is_given_up(photo_server: str) -> None:
    """The time limit holds; it is our fault, so the event waits."""
    with pytest.raises(PixelsUnavailable, match=r"within|timed out"):
        source(photo_server, fetch_timeout_s=0.3).read(photo(f"{photo_server}/slow"))


def test_endless_answer_is_cut(photo_server: str) -> None:
    """Not one chunk more than announced is read."""
    with pytest.raises(ImageRejected, match="more than"):
        source(photo_server).read(photo(f"{photo_server}/endless"))


def test_unreachable_server_is_our_fault() -> None:
    """Port 9 of this machine: nobody listens."""
    with pytest.raises(PixelsUnavailable, match="cannot be reached"):
        source("http://127.0.0.1:9/").read(photo("http://127.0.0.1:9/a.png"))


@pytest.mark.parametrize("root", ["s4://bucket/", "memory://", "http://user:pw@host/", "http:///x", "local:///srv"])
def test_unusable_root_is_told_at_the_start(root: str) -> None:
    """A root without a driver or a host stops the worker when it starts, not at the first photo."""
    with pytest.raises(SettingsRejected, match="dataref_roots"):
        source(root)


@given(st.lists(st.sampled_from([*"abAB./\\%:@?#~é ", "%2e", "%2f", "..", "//"]), max_size=20).map("".join))
def test_no_spelling_of_a_path_leaves_the_root(tail: str) -> None:
    """Whatever the check lets through lies, decoded and resolved, below the root."""
    roots = (parse_address("file:///srv/photos"),)
    try:
        address = parse_address(f"file:///srv/photos{tail}")
        root_of(address, roots)
    except ImageRejected:
        return
    assert f"{os.path.normpath(unquote(address.path))}/".startswith("/srv/photos/")
