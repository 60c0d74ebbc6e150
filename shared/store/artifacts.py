"""Put and fetch artifacts by their sha256.

Layout below the store's URL: `sha256/ab/abcdef...` for the artifacts, which never change, `sha256/ab/abcdef....sig` for
their signatures, and `named/<digest>/<name>` for what stands beside one for people to read, such as its report.
"""

import hashlib
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from shared.settings.sections import StoreSettings
from shared.store.cache import ArtifactCache, file_digest
from shared.store.errors import ArtifactCorrupt, ArtifactMissing, StoreError, StoreUnavailable
from shared.store.files import StoreFiles

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
SIGNATURES: Final = ".sig"
"""What the file of an artifact's signatures is called beyond its digest."""
MAX_SIGNATURES_BYTES: Final = 65_536
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class ArtifactStore:
    """A content-addressed store with a local cache. Thread-safe; several processes may share URL and cache.

    Args:
        settings: where the store is, and where and how large its local cache.
        cache_written: told after each attempt of `read` and `read_signature` to keep a copy how that went: the
            error, or None.

    Raises:
        StoreUnavailable: the URL's file system has no driver installed.
    """

    def __init__(
        self, settings: StoreSettings, *, cache_written: Callable[[OSError | None], None] = lambda _: None
    ) -> None:
        self._files: Final = StoreFiles(settings.url)
        self.url: Final = self._files.url
        self._fs: Final[Any] = self._files.system
        self._cache: Final = ArtifactCache(settings.cache_dir, settings.cache_max_mib * 2**20)
        self._cache_written: Final = cache_written

    def put(self, path: Path) -> str:
        """Store a file; storing it again is harmless.

        Returns:
            Its sha256, hex.

        Raises:
            StoreUnavailable: the store cannot be written.
        """
        digest = file_digest(path)
        target = self._artifact(digest)
        with self._files.faults():
            # A shorter one is the rest of an upload that broke off: written anew.
            if not self._fs.exists(target) or self._fs.info(target)["size"] != path.stat().st_size:
                self._files.upload(path, target)
        return digest

    def put_bytes(self, data: bytes) -> str:
        """Store bytes, as `put` does a file."""
        digest = hashlib.sha256(data).hexdigest()
        with self._files.faults(), self._cache.incoming(digest) as copy:
            copy.write_bytes(data)
            self.put(copy)
        return digest

    def exists(self, digest: str) -> bool:
        """Whether the store itself (not only the cache) has the artifact.

        Raises:
            StoreUnavailable: it does not answer.
        """
        target = self._artifact(digest)
        with self._files.faults():
            return bool(self._fs.exists(target))

    def fetch(self, digest: str) -> Path:
        """A local, verified copy. Read it soon or fetch it again: the cache may drop it when it is long unused.

        Works without the store where the cache has it.

        Raises:
            ArtifactMissing: the store does not have it.
            ArtifactCorrupt: the store's content is not what the digest says.
            StoreUnavailable: the store does not answer, or the cache cannot be written.
        """
        source = self._artifact(digest)
        with self._files.faults():
            cached = self._cache.get(digest)
            if cached is not None:
                return cached
            with self._cache.incoming(digest) as copy:
                self._download(source, copy, digest)
            return self._cache.path(digest)

    def read(self, digest: str) -> bytes:
        """The verified content, from the cache or else from the store.

        A cache that cannot be read or written is done without: the content then stays in memory only.

        Raises:
            ArtifactMissing: the store does not have it.
            ArtifactCorrupt: the store's content is not what the digest says.
            StoreUnavailable: the store does not answer.
        """
        source = self._artifact(digest)
        cached = self._cache.read(digest)
        if cached is not None:
            return cached
        with self._files.faults():
            try:
                data: bytes = self._fs.cat_file(source)
            except FileNotFoundError:
                raise self._missing(digest) from None
        self._verify(digest, hashlib.sha256(data).hexdigest())
        self._keep(digest, data)
        return data

    def put_signatures(self, digest: str, data: bytes) -> None:
        """Put the signatures of an artifact beside it; earlier ones are replaced.

        Raises:
            StoreUnavailable: the store cannot be written.
        """
        target = self._artifact(digest) + SIGNATURES
        with self._files.faults():
            self._files.write(target, data)

    def read_signatures(self, digest: str, *, cached: bool) -> bytes:
        """The signatures of an artifact, as they are: whoever reads them verifies them.

        Args:
            digest: of the artifact.
            cached: take the local copy where there is one; it may be older than what the store has.

        Raises:
            ArtifactMissing: the store has none.
            StoreUnavailable: the store does not answer.
        """
        source = self._artifact(digest) + SIGNATURES
        copy = self._cache.read_beside(digest, SIGNATURES) if cached else None
        if copy is not None:
            return copy
        with self._files.faults():
            try:
                data: bytes = self._fs.cat_file(source, start=0, end=MAX_SIGNATURES_BYTES)
            except FileNotFoundError:
                raise self._missing(f"signature of {digest}") from None
        self._keep(digest + SIGNATURES, data)
        return data

    def check(self, digest: str) -> None:
        """See whether the store answers and has the artifact, without fetching it.

        Raises:
            ArtifactMissing: it answers, and has it not.
            StoreUnavailable: it does not answer.
        """
        if not self.exists(digest):
            with self._files.faults():
                raise self._missing(digest)

    def put_named(self, digest: str, name: str, path: Path) -> None:
        """Put a file for people beside an artifact, e.g. `report.html`; an older one of that name is replaced.

        Raises:
            StoreUnavailable: the store cannot be written.
        """
        target = self._beside(digest, name)
        with self._files.faults():
            self._files.upload(path, target)

    def read_named(self, digest: str, name: str) -> bytes:
        """A file beside an artifact. It is not verified: nothing may be decided by it.

        Raises:
            ArtifactMissing: there is none.
            StoreUnavailable: the store does not answer.
        """
        source = self._beside(digest, name)
        with self._files.faults():
            try:
                content: bytes = self._fs.cat_file(source)
            except FileNotFoundError:
                raise self._missing(f"{name} of {digest}") from None
            return content

    def names(self, digest: str) -> list[str]:
        """The names of the files beside an artifact, sorted."""
        return self._files.names(self._beside(digest))

    def probe(self) -> None:
        """Write, read and remove a small file.

        Raises:
            StoreUnavailable: the store cannot be written or read.
        """
        target = self._files.path(f"probe-{uuid.uuid4().hex}")
        with self._files.faults():
            self._fs.makedirs(self._files.root, exist_ok=True)
            self._fs.pipe_file(target, b"linegate")
            content = self._fs.cat_file(target)
            self._fs.rm_file(target)
        if content != b"linegate":
            raise StoreUnavailable(f"the artifact store {self.url} does not return what was written")

    def _artifact(self, digest: str) -> str:
        return self._files.path("sha256", _valid_digest(digest)[:2], digest)

    def _beside(self, digest: str, name: str | None = None) -> str:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no file name: letters, digits, '.', '_' and '-' only")
        return self._files.path("named", _valid_digest(digest), *(() if name is None else (name,)))

    def _download(self, source: str, copy: Path, digest: str) -> None:
        try:
            self._fs.get_file(source, str(copy))
        except FileNotFoundError:
            raise self._missing(digest) from None
        self._verify(digest, file_digest(copy))

    def _keep(self, name: str, data: bytes) -> None:
        try:
            self._cache.write(name, data)
        except OSError as error:
            self._cache_written(error)
        else:
            self._cache_written(None)

    def _verify(self, digest: str, found: str) -> None:
        if found != digest:
            raise ArtifactCorrupt(
                f"the artifact {digest} in {self.url} is damaged: its content has sha256 {found}",
                hint="remove it from the store and put it again",
            )

    def _missing(self, what: str) -> StoreError:
        return self._files.missing() or ArtifactMissing(f"the artifact store {self.url} has no {what}")


def _valid_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no sha256")
    return digest
