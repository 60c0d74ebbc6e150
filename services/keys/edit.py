"""Change a file of keys without ever leaving half of it, and without touching what people wrote beside the keys."""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.auth.key_file import KeyRecord, as_toml, parse_keys
from shared.errors import LinegateError

_OWNER_ONLY: Final = stat.S_IRUSR | stat.S_IWUSR
_TABLE: Final = re.compile(r"^(?=[ \t]*\[\[[ \t]*key[ \t]*\]\])", re.MULTILINE)
_HEADER: Final = (
    "# Keys of Linegate's HTTP services: `linegate keys` writes them, `auth.keys_file` names this file.\n"
    "# Only hashes stand here. A change takes effect at once; no service needs a restart.\n"
)


def add_key(path: Path, record: KeyRecord) -> None:
    """Append `record`; a file that does not exist is made, readable by its owner only.

    Raises:
        LinegateError: the file is wrong as it is, or cannot be written.
    """
    with _changing(path):
        text = _text(path) or _HEADER
        gap = "\n" if text.endswith("\n") else "\n\n"
        _write(path, text + gap + as_toml(record))


def remove_key(path: Path, identity: str) -> None:
    """Take the key of this id out.

    Raises:
        LinegateError: there is none, or the file cannot be changed by a program.
    """
    with _changing(path):
        text = _text(path)
        before = parse_keys(text.encode())
        if identity not in before:
            raise LinegateError(f"there is no key {identity} in {path}", hint="`linegate keys list` shows them")
        left = "".join(_comments_after(part) if _is_table_of(part, identity) else part for part in _TABLE.split(text))
        try:
            after = parse_keys(left.encode())
        except LinegateError:
            after = {}
        if after != {key: record for key, record in before.items() if key != identity}:
            raise LinegateError(f"{path} is written in a way that only a person can change", hint="edit it by hand")
        _write(path, left)


def read_keys(path: Path) -> list[KeyRecord]:
    """Every key in the file, in its order.

    Raises:
        LinegateError: the file is absent or wrong.
    """
    if not path.exists():
        raise LinegateError(f"there is no key file {path}", hint="--file or auth.keys_file names another")
    return list(parse_keys(_text(path).encode()).values())


def _is_table_of(part: str, identity: str) -> bool:
    try:
        return identity in parse_keys(part.encode())
    except LinegateError:
        return False


def _comments_after(part: str) -> str:
    """What stands below a table and above the next one, which it may be about."""
    lines = part.splitlines(keepends=True)
    while lines and not (lines[0].strip() == "" or lines[0].lstrip().startswith("#")):
        del lines[0]
    return "".join(lines)


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """One change at a time: a key that one command revokes must not come back by another that read the file before."""
    try:
        folder = os.open(path.resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise LinegateError(f"cannot change {path}: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise LinegateError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    try:
        parse_keys(text.encode())
    except LinegateError as error:
        raise LinegateError(f"{path} is not usable: {error}", hint=error.hint) from None
    return text


def _write(path: Path, text: str) -> None:
    """Put the whole text in place at once, with the owner and the permissions that the file had."""
    real = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                _keep_owner(file.fileno(), real)
                os.fsync(file.fileno())
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LinegateError(f"cannot write {path}: {error.strerror}") from None


def _keep_owner(descriptor: int, path: Path) -> None:
    if not path.exists():
        os.fchmod(descriptor, _OWNER_ONLY)
        return
    had, has = path.stat(), os.fstat(descriptor)
    if (had.st_uid, had.st_gid) != (has.st_uid, has.st_gid):
        os.fchown(descriptor, had.st_uid, had.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(had.st_mode))
