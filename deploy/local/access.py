"""A key for the owner of this machine: `linegate up` and the demo ask who comes, as a plant's gateway does."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from services.keys.edit import add_key, read_keys
from services.keys.record import new_record
from shared.auth import ALL_PLANTS, Role
from shared.auth.key_file import token_id, token_sha256
from shared.errors import LinegateError


@dataclass(frozen=True, slots=True)
class LocalAccess:
    """Where gateway and console find whom to let in, and where commands and people find what to show them."""

    keys_file: Path
    token_file: Path
    session_secret_file: Path
    """What the console encrypts its cookies with: whoever signed in stays so when it is started again."""


def local_access(folder: Path) -> LocalAccess:
    """The key of `folder`, made on the first call: every role, every plant, readable by its owner only.

    Raises:
        LinegateError: the files cannot be read or written.
    """
    access = LocalAccess(folder / "keys.toml", folder / "token", folder / "session-secret")
    if not access.session_secret_file.exists():
        _write(access.session_secret_file, secrets.token_urlsafe(32))
    if not _fits(access):
        token, record = new_record(roles=list(Role), plants=[ALL_PLANTS], expires=None, note="this machine")
        _write(access.token_file, token)
        add_key(access.keys_file, record)
    return access


def _write(path: Path, secret: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secret}\n")
    except OSError as error:
        raise LinegateError(f"cannot write {path}: {error.strerror}") from None


def _fits(access: LocalAccess) -> bool:
    """Whether the token there is one that the key file knows."""
    if not (access.token_file.exists() and access.keys_file.exists()):
        return False
    token = access.token_file.read_text(encoding="utf-8").strip()
    known = {record.id: record.sha256 for record in read_keys(access.keys_file)}
    return known.get(token_id(token) or "") == token_sha256(token)
