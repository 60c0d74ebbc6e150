"""Which version was last in force under each assignment key: what judges while the assigned one cannot be loaded.

Kept on disk too, so that a worker restarted meanwhile still knows. The file names versions and digests only: each
model is verified by digest and signature when it is loaded, as any other.
"""

import threading
from collections.abc import Callable, Collection
from pathlib import Path

import structlog
from pydantic import ValidationError

from shared.events.base import Model
from shared.files import write_atomically
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord

_log = structlog.get_logger(__name__)


class _File(Model):
    versions: dict[str, VersionRecord]


class InForce:
    """The last champion that could be loaded, by assignment key. Thread-safe.

    Args:
        file: where it is kept for the next start; None keeps nothing. One that is damaged is logged and replaced.
        written: told after each write how that went: the error, or None.
    """

    def __init__(self, file: Path | None = None, *, written: Callable[[OSError | None], None] = lambda _: None) -> None:
        self._file = file
        self._written = written
        self._lock = threading.Lock()
        self._versions = {} if file is None else _read(file)

    def remember(self, key: str, record: VersionRecord) -> None:
        """`record` is the champion at `key`, and was loaded."""
        with self._lock:
            held = self._versions.get(key)
            if held is None or (held.version, held.digest) != (record.version, record.digest):
                self._versions[key] = record
                self._write()

    def last(self, key: PlaceKey) -> VersionRecord | None:
        """The version last in force under `key`, else under the most specific key that covers it; None for none.

        The latter is what judged there until `key` was assigned for the first time.
        """
        with self._lock:
            if key.root in self._versions:
                return self._versions[key.root]
            covering = [held for held in map(PlaceKey, self._versions) if held.covers(key)]
            if not covering:
                return None
            return self._versions[max(covering, key=lambda held: held.specificity).root]

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget the keys that are no longer assigned."""
        with self._lock:
            gone = self._versions.keys() - set(keys)
            if gone:
                self._versions = {key: record for key, record in self._versions.items() if key not in gone}
                self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, _File(versions=self._versions).model_dump_json().encode())
        except OSError as error:
            self._written(error)
        else:
            self._written(None)


def _read(file: Path) -> dict[str, VersionRecord]:
    try:
        return dict(_File.model_validate_json(file.read_bytes()).versions)
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        _log.exception("versions last in force not readable", file=str(file), reason=type(error).__name__)
        return {}
