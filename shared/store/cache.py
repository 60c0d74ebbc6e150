"""The local copies of artifacts: verified on the way in and on every use, bounded, shared by several processes.

Files appear by rename only, so another process sees a whole file or none; who loses a race has merely copied twice.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_IN_USE_S: Final = 300.0
"""A copy touched this recently is not evicted: some process may be about to open it. The bound is soft by that much."""
_ABANDONED_S: Final = 24 * 3600.0
"""A partial copy this old was left behind by a process that died."""


def file_digest(path: Path) -> str:
    """sha256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArtifactCache:
    """Verified copies below `directory`, at most `max_bytes` of them, the longest unused out first."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def get(self, digest: str) -> Path | None:
        """The copy, if there is one and it is intact; a damaged one is removed."""
        path = self._path(digest)
        try:
            intact = file_digest(path) == digest
            if intact:
                os.utime(path)
                return path
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return None

    def read(self, digest: str) -> bytes | None:
        """The content of the copy, if there is one, it can be read and it is intact; a damaged one is removed.

        The very bytes that were verified: nothing can change between the check and the use.
        """
        path = self._path(digest)
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == digest:
                os.utime(path)
                return data
            path.unlink(missing_ok=True)
        except OSError:
            return None  # a cache that cannot be used is no cache; writing to it tells why
        return None

    def read_beside(self, digest: str, suffix: str) -> bytes | None:
        """What was kept beside a copy, not verified; None where there is nothing or it cannot be read."""
        try:
            return self._path(digest + suffix).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Keep a copy, or under `<digest><suffix>` something beside one.

        Raises:
            OSError: the folder cannot be written; nothing of the copy is left there.
        """
        with self.incoming(name) as copy:
            copy.write_bytes(data)

    @contextmanager
    def incoming(self, digest: str) -> Iterator[Path]:
        """A path to write a new copy to. It takes its place when the block ends well, and is removed otherwise."""
        target = self._path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{digest}.{uuid.uuid4().hex}.partial")
        try:
            yield partial
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        self._evict(keep=target)

    def path(self, digest: str) -> Path:
        """Where the copy of `digest` lies or will lie."""
        return self._path(digest)

    def _path(self, digest: str) -> Path:
        return self._directory / "sha256" / digest[:2] / digest

    def _evict(self, keep: Path) -> None:
        now, copies = time.time(), []
        for path in (self._directory / "sha256").glob("*/*"):
            with suppress(FileNotFoundError):  # another process evicts too
                status = path.stat()
                if path.suffix != ".partial":
                    copies.append((status.st_mtime, status.st_size, path))
                elif now - status.st_mtime > _ABANDONED_S:
                    path.unlink(missing_ok=True)
        excess = sum(size for _, size, _ in copies) - self._max_bytes
        for used, size, path in sorted(copies):
            if excess <= 0 or now - used < _IN_USE_S:
                return
            if path != keep:
                path.unlink(missing_ok=True)
                excess -= size
