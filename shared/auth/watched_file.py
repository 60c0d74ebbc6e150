"""A file's content, read again as soon as the file changes."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from shared.errors import LinegateError

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_Stamp = tuple[int, int, int, int] | None


class WatchedFile(Generic[T]):
    """What `parse` makes of a file's bytes. Any thread.

    A file that has become unreadable or wrong leaves the last good content in force and logs one error for each change.

    Args:
        path: the file; a link is followed anew each time, so that a mounted secret may be swapped.
        parse: makes the content, or raises LinegateError.
        what: names the file in messages.

    Raises:
        LinegateError: the first reading failed.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], T], *, what: str) -> None:
        self.path: Final = path
        self._parse: Final = parse
        self._what: Final = what
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._content = self._read()

    @property
    def content(self) -> T:
        """The content as the file is now; costs one `stat` when it has not changed."""
        with self._lock:
            stamp = _stamp(self.path)  # taken before reading: a change in between is seen the next time
            if stamp != self._stamp:
                self._stamp = stamp
                self._reload()
            return self._content

    def _reload(self) -> None:
        try:
            self._content = self._read()
        except LinegateError as error:
            _log.error("the earlier content stays in force", error=str(error), hint=error.hint)
        else:
            _log.info("read again", what=self._what, file=str(self.path))

    def _read(self) -> T:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise LinegateError(f"cannot read the {self._what} {self.path}: {error.strerror}") from None
        try:
            return self._parse(data)
        except LinegateError as error:
            raise LinegateError(f"the {self._what} {self.path} is not usable: {error}", hint=error.hint) from None


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
