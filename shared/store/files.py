"""The file system that the store's URL names, whatever kind it is, and its faults as one kind of error."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import fsspec

from shared.files import write_atomically
from shared.store.errors import StoreError, StoreUnavailable


class StoreFiles:
    """Files below the store's URL. Thread-safe; several processes may share the URL.

    Args:
        url: a folder, or any URL that fsspec has a driver for.

    Raises:
        StoreUnavailable: there is no driver for it.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = url if "://" in url else f"file://{Path(url).expanduser().resolve()}"
        try:
            # Listings are not cached: another process's file must be seen as soon as it is there.
            system, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise StoreUnavailable(f"the artifact store {self.url} cannot be used: {error}") from None
        self.system: Final[Any] = system
        self.root: Final[str] = root.rstrip("/")
        self.local: Final = self.url.startswith("file://")

    def path(self, *parts: str) -> str:
        """The path below the root, as the file system wants it."""
        return "/".join((self.root, *parts))

    def write(self, path: str, data: bytes) -> None:
        """Write a file, whole or not at all; an older one of that name is replaced. To be called within `faults`."""
        self.system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if self.local:
            write_atomically(Path(path), data)
        else:
            # Object stores show an object only when it is whole.
            self.system.pipe_file(path, data)

    def upload(self, source: Path, target: str) -> None:
        """Write a copy of a local file, as `write` does bytes. To be called within `faults`."""
        self.system.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if not self.local:
            self.system.put_file(str(source), target)
            return
        partial = f"{target}.{uuid.uuid4().hex}.partial"
        try:
            self.system.put_file(str(source), partial)
            with open(partial, "rb+") as file:  # noqa: PTH123 - fsspec speaks in strings
                os.fsync(file.fileno())
            os.replace(partial, target)  # noqa: PTH105 - likewise
        finally:
            Path(partial).unlink(missing_ok=True)

    def missing(self) -> StoreUnavailable | None:
        """Without its folder or bucket the store is not there at all, e.g. an unmounted share: the error that says so.

        None where it is there. To be called within `faults`.
        """
        bucket = self.root[: self.root.find("/", 1)] if "/" in self.root[1:] else self.root
        if self.system.exists(self.root if self.local else bucket):
            return None
        return StoreUnavailable(f"there is no artifact store at {self.url}", hint="is the share mounted?")

    def names(self, folder: str) -> list[str]:
        """The names of what lies in a folder, sorted; none where there is no such folder.

        Raises:
            StoreUnavailable: the store does not answer, or is not there.
        """
        with self.faults():
            try:
                return sorted(
                    str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in self.system.ls(folder, detail=False)
                )
            except FileNotFoundError:
                if (away := self.missing()) is not None:
                    raise away from None
                return []

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Every driver raises errors of its own kinds: all but ours mean that the store cannot be used now."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise StoreUnavailable(
                f"the artifact store {self.url} cannot be used: {' '.join(str(error).split()) or type(error).__name__}"
            ) from error
