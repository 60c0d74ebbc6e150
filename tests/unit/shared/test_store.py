"""The artifact store: what went in comes out, or an error that says whose fault it is."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.settings import StoreSettings
from shared.store import ArtifactCorrupt, ArtifactMissing, ArtifactStore, StoreUnavailable


def store_at(url: str, cache: Path, **more: object) -> ArtifactStore:
    """A store with its own cache."""
    return ArtifactStore(StoreSettings.model_validate({"url": url, "cache_dir": cache, **more}))


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """A folder, and the memory file system in the place of an object store."""
    if request.param == "file":
        return store_at(str(tmp_path / "store"), tmp_path / "cache")
    return store_at(f"memory://store-{tmp_path.name}/models", tmp_path / "cache")


def files(folder: Path) -> list[Path]:
    """Every file below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_is_fetched(store: ArtifactStore, tmp_path: Path) -> None:
    """By its sha256, from the store and then from the cache."""
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"model")
    digest = store.put(bundle)
    assert digest == hashlib.sha256(b"model").hexdigest()
    assert store.exists(digest)
    assert store.fetch(digest).read_bytes() == b"model"
    assert store.fetch(digest).read_bytes() == b"model"


def test_put_is_idempotent_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The same content twice is one file; no partial copies stay."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    assert store.put_bytes(b"model") == store.put_bytes(b"model")
    assert len(files(tmp_path / "store")) == 1
    assert len(files(tmp_path / "cache")) == 1


def test_missing_artifact(store: ArtifactStore) -> None:
    """The store answers and has it not."""
    store.put_bytes(b"another")
    with pytest.raises(ArtifactMissing, match="has no 0000"):
        store.fetch("0" * 64)
    assert not store.exists("0" * 64)


def test_absent_store_is_unavailable_not_empty(tmp_path: Path) -> None:
    """An unmounted share must make workers wait, not report models as missing."""
    with pytest.raises(StoreUnavailable, match="there is no artifact store"):
        store_at(str(tmp_path / "gone"), tmp_path / "cache").fetch("0" * 64)
    with pytest.raises(StoreUnavailable, match="there is no artifact store"):
        store_at("memory://gone/models", tmp_path / "cache").fetch("0" * 64)


def test_damaged_artifact_is_never_handed_out(tmp_path: Path) -> None:
    """One flipped byte in the store is seen, and nothing of it reaches the cache."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    digest = store.put(_file(tmp_path / "bundle", b"model"))
    files(tmp_path / "store")[0].write_bytes(b"mOdel")
    with pytest.raises(ArtifactCorrupt, match="is damaged"):
        store.fetch(digest)
    assert not files(tmp_path / "cache")


def test_damaged_copy_is_replaced_from_the_store(tmp_path: Path) -> None:
    """The cache is verified again on every use."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    digest = store.put_bytes(b"model")
    store.fetch(digest).write_bytes(b"mOdel")
    assert store.fetch(digest).read_bytes() == b"model"


def test_cache_serves_while_the_store_is_away(tmp_path: Path) -> None:
    """A worker that has its models goes on judging."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    digest = store.put_bytes(b"model")
    store.fetch(digest)
    (tmp_path / "store").rename(tmp_path / "away")
    assert store.fetch(digest).read_bytes() == b"model"


def test_upload_that_broke_off_is_repaired(tmp_path: Path) -> None:
    """A shorter file under the right name is written anew."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    digest = store.put_bytes(b"model")
    files(tmp_path / "store")[0].write_bytes(b"mo")
    store.put_bytes(b"model")
    store_at(str(tmp_path / "store"), tmp_path / "other").fetch(digest)


def test_cache_stays_within_its_bound(tmp_path: Path) -> None:
    """The copy unused for longest goes; one in recent use stays even where the bound is exceeded."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache", cache_max_mib=1)
    big = 600 * 1024
    first, second = store.put_bytes(b"a" * big), store.put_bytes(b"b" * big)
    assert len(files(tmp_path / "cache")) == 2
    long_ago = time.time() - 3600
    os.utime(store.fetch(first), (long_ago, long_ago))
    os.utime(store.fetch(second), (long_ago + 60, long_ago + 60))
    third = store.put_bytes(b"c" * 1024)
    assert {path.name for path in files(tmp_path / "cache")} == {second, third}
    assert store.fetch(first).stat().st_size == big


def test_rest_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    """Partial copies are cleared away after a day."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    folder = tmp_path / "cache" / "sha256" / "ab"
    folder.mkdir(parents=True)
    old, fresh = _file(folder / "x.partial", b"x"), _file(folder / "y.partial", b"y")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    store.put_bytes(b"model")
    assert not old.exists()
    assert fresh.exists()


def test_named_files_stand_beside_an_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    """A report can be added, listed, read and replaced."""
    digest = store.put_bytes(b"model")
    assert store.names(digest) == []
    store.put_named(digest, "report.html", _file(tmp_path / "r1", b"one"))
    store.put_named(digest, "report.html", _file(tmp_path / "r2", b"two"))
    store.put_named(digest, "card.json", _file(tmp_path / "c", b"{}"))
    assert store.names(digest) == ["card.json", "report.html"]
    assert store.read_named(digest, "report.html") == b"two"
    with pytest.raises(ArtifactMissing, match=r"has no x\.html"):
        store.read_named(digest, "x.html")


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 200])
def test_names_cannot_climb(store: ArtifactStore, tmp_path: Path, name: str) -> None:
    """A name is a name, not a path."""
    with pytest.raises(ValueError, match="no file name"):
        store.put_named("0" * 64, name, tmp_path)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_digests_cannot_climb(store: ArtifactStore, digest: str) -> None:
    """Only a sha256 is a key."""
    for call in (store.fetch, store.exists, store.names):
        with pytest.raises(ValueError, match="no sha256"):
            call(digest)


def test_unwritable_store_is_unavailable(tmp_path: Path) -> None:
    """A file where the folder should be: told plainly, also by the probe."""
    blocked = _file(tmp_path / "store", b"")
    store = store_at(str(blocked), tmp_path / "cache")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.put_bytes(b"model")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.probe()


def test_unknown_driver_is_told_at_the_start(tmp_path: Path) -> None:
    """A URL nobody can open stops the process when it starts."""
    with pytest.raises(StoreUnavailable, match="s4"):
        store_at("s4://bucket", tmp_path / "cache")


def test_probe_leaves_nothing_behind(store: ArtifactStore, tmp_path: Path) -> None:
    """Write, read, remove."""
    store.probe()
    assert not files(tmp_path / "store")
    assert not [name for name in fsspec.filesystem("memory").store if f"store-{tmp_path.name}" in name]


def test_threads_share_a_store(store: ArtifactStore) -> None:
    """Many threads that put and fetch the same few artifacts all see whole ones."""
    contents = [bytes([n]) * 5000 for n in range(4)]
    faults: list[Exception] = []

    def work() -> None:
        try:
            for content in contents * 5:
                assert store.fetch(store.put_bytes(content)).read_bytes() == content
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


_CLIENT = """
import sys
from pathlib import Path
from shared.settings.sections import StoreSettings
from shared.store import ArtifactStore
store = ArtifactStore(StoreSettings(url=sys.argv[1], cache_dir=Path(sys.argv[2]), cache_max_mib=1))
for n in range(12):
    content = bytes([n]) * 300_000
    assert store.fetch(store.put_bytes(content)).read_bytes() == content
"""


def test_processes_share_a_cache(tmp_path: Path) -> None:
    """Four processes in one small cache: nobody reads half a file."""
    command = [sys.executable, "-c", _CLIENT, str(tmp_path / "store"), str(tmp_path / "cache")]
    clients = [subprocess.Popen(command, cwd=Path(__file__).parents[3], stderr=subprocess.PIPE) for _ in range(4)]
    for client in clients:
        _, errors = client.communicate(timeout=120)
        assert client.returncode == 0, errors.decode()


@given(st.binary(max_size=2000))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_come_back(tmp_path: Path, content: bytes) -> None:
    """Whatever the content, also none."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    assert store.fetch(store.put_bytes(content)).read_bytes() == content


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


_DISK_FULL = """
import resource, sys
from pathlib import Path
from shared.settings.sections import StoreSettings
from shared.store import ArtifactStore
told = []
store = ArtifactStore(StoreSettings(url=sys.argv[1], cache_dir=Path(sys.argv[2])), cache_written=told.append)
# No file may grow beyond 64 KiB from here on: every write past that fails as on a disk without room (EFBIG).
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
big, small = sys.argv[3:]
assert store.read(big) == bytes(200_000)
print(type(told[0]).__name__, told[0].errno)
assert store.read(small) == b"small"
assert told[1:] == [None], told
"""


def test_a_full_disk_costs_the_copy_and_not_the_content(tmp_path: Path) -> None:
    """A real write that fails for lack of room: the content comes verified from memory, nothing half is left."""
    store = store_at(str(tmp_path / "store"), tmp_path / "other")
    big, small = store.put_bytes(bytes(200_000)), store.put_bytes(b"small")
    command = [sys.executable, "-c", _DISK_FULL, str(tmp_path / "store"), str(tmp_path / "cache"), big, small]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["OSError", str(errno.EFBIG)]
    assert [path.name for path in files(tmp_path / "cache")] == [small]


_NO_ROOM = """
import sys
from pathlib import Path
from shared.settings.sections import StoreSettings
from shared.store import ArtifactStore
told = []
store = ArtifactStore(StoreSettings(url=sys.argv[1], cache_dir=Path(sys.argv[2])), cache_written=told.append)
for digest in sys.argv[3:]:
    assert len(store.read(digest)) == 600_000
print([None if error is None else error.errno for error in told])
"""
_OWN_MOUNT = ["unshare", "--mount", "sh", "-c"]


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*_OWN_MOUNT, "mount -t tmpfs none /mnt"], check=False, capture_output=True)
    return tried.returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="may not mount here; the test before this one needs no right")
def test_a_file_system_without_room(tmp_path: Path) -> None:
    """A cache of 1 MiB takes one copy of 600 kB; the second content comes from memory."""
    store = store_at(str(tmp_path / "store"), tmp_path / "other")
    digests = [store.put_bytes(bytes([n]) * 600_000) for n in range(2)]
    cache = tmp_path / "cache"
    cache.mkdir()
    script = f'mount -t tmpfs -o size=1m none {cache} && exec "$@"'
    worker = [sys.executable, "-c", _NO_ROOM, str(tmp_path / "store"), str(cache), *digests]
    done = subprocess.run(
        [*_OWN_MOUNT, script, "sh", *worker], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"[None, {errno.ENOSPC}]"


def test_a_cache_that_cannot_be_made_costs_no_content(tmp_path: Path) -> None:
    """A file where the folder should be: told, done without, told again when it is mended."""
    told: list[OSError | None] = []
    blocked = _file(tmp_path / "cache", b"")
    settings_ = StoreSettings(url=str(tmp_path / "store"), cache_dir=blocked)
    digest = store_at(settings_.url, tmp_path / "other").put_bytes(b"model")
    store = ArtifactStore(settings_, cache_written=told.append)
    assert store.read(digest) == b"model"
    assert isinstance(told[0], OSError)
    blocked.unlink()
    assert store.read(digest) == b"model"
    assert told[1] is None
    assert [path.name for path in files(blocked)] == [digest]


def test_read_verifies_the_store_and_the_copy(store: ArtifactStore, tmp_path: Path) -> None:
    """A damaged copy is fetched again; a damaged artifact is refused and not kept."""
    digest = store.put_bytes(b"model")
    assert store.read(digest) == b"model"
    (copy,) = (path for path in files(tmp_path / "cache") if path.name == digest)
    copy.write_bytes(b"mOdel")
    assert store.read(digest) == b"model"
    assert copy.read_bytes() == b"model"
    copy.unlink()
    if store.url.startswith("file://"):
        (artifact,) = files(tmp_path / "store")
        artifact.write_bytes(b"mOdel")
        with pytest.raises(ArtifactCorrupt, match="is damaged"):
            store.read(digest)
        assert not files(tmp_path / "cache")
    with pytest.raises(ArtifactMissing):
        store.read("0" * 64)


def test_read_works_from_the_cache_while_the_store_is_away(tmp_path: Path) -> None:
    """Away before the first use: told as away, not as missing."""
    store = store_at(str(tmp_path / "store"), tmp_path / "cache")
    digest, other = store.put_bytes(b"model"), hashlib.sha256(b"other").hexdigest()
    store.read(digest)
    (tmp_path / "store").rename(tmp_path / "away")
    assert store.read(digest) == b"model"
    for call in (store.read, store.check):
        with pytest.raises(StoreUnavailable, match="there is no artifact store"):
            call(other)
    (tmp_path / "away").rename(tmp_path / "store")
    store.check(digest)
    with pytest.raises(ArtifactMissing):
        store.check(other)


def test_signatures_stand_beside_an_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    """Replaced as a whole; a local copy serves until the store is asked again."""
    digest = store.put_bytes(b"model")
    with pytest.raises(ArtifactMissing, match="has no signature"):
        store.read_signatures(digest, cached=True)
    store.put_signatures(digest, b"one")
    assert store.read_signatures(digest, cached=True) == b"one"
    store.put_signatures(digest, b"two")
    assert store.read_signatures(digest, cached=True) == b"one"
    assert store.read_signatures(digest, cached=False) == b"two"
    assert store.read_signatures(digest, cached=True) == b"two"
    assert store.read(digest) == b"model"
    assert {path.name for path in files(tmp_path / "cache")} == {digest, f"{digest}.sig"}
