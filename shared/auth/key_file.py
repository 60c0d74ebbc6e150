"""The file of static keys: TOML, one `[[key]]` table each, with the key's sha256 and never the key."""

import hashlib
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.auth.principal import ALL_PLANTS
from shared.auth.roles import Role
from shared.errors import LinegateError
from shared.events.base import Sha256, Slug

TOKEN_PREFIX: Final = "lg_"  # noqa: S105 - the mark by which people and scanners know a key
_TOKEN: Final = re.compile(r"lg_([0-9a-f]{8})_[0-9a-f]{64}")


class KeyRecord(BaseModel):
    """What the file says of one key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
    """Names the key in logs and to `linegate keys revoke`; no secret."""
    sha256: Sha256
    """Of the whole key, as `printf %s "$KEY" | sha256sum` prints it."""
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    plants: Annotated[frozenset[Slug | Annotated[str, StringConstraints(pattern=r"^\*$")]], Field(min_length=1)]
    """Plant names, or `*` for all."""
    expires: AwareDatetime | None = None
    note: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\"\\]{0,200}$")] = ""
    """For people: whose key it is."""

    def expired(self, now: datetime) -> bool:
        """Whether the key is of the past at `now`."""
        return self.expires is not None and now >= self.expires


def parse_keys(data: bytes) -> Mapping[str, KeyRecord]:
    """The keys of a file, by id. An empty file has none, which is how to revoke all.

    Raises:
        LinegateError: it is not a file of keys; the message names the place.
    """
    try:
        tables = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LinegateError(f"it is not TOML: {error}") from None
    if unknown := tables.keys() - {"key"}:
        raise LinegateError(f"there is no {min(unknown)!r} in it", hint="it holds [[key]] tables only")
    entries = tables.get("key", [])
    if not isinstance(entries, list):
        raise LinegateError("`key` is no list of tables", hint="write [[key]], with two brackets")
    keys: dict[str, KeyRecord] = {}
    for number, entry in enumerate(entries, 1):
        record = _record(number, entry)
        if record.id in keys:
            raise LinegateError(f"key {number} has the id {record.id} of an earlier one")
        keys[record.id] = record
    return keys


def new_token() -> tuple[str, str]:
    """A new key's id and the key itself: `lg_<id>_<secret>` with 256 random bits of secret."""
    identity = secrets.token_hex(4)
    return identity, f"{TOKEN_PREFIX}{identity}_{secrets.token_hex(32)}"


def token_id(token: str) -> str | None:
    """The id inside a key; None where `token` does not look like a key at all."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


def token_sha256(token: str) -> str:
    """What the file keeps of a key, as hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def as_toml(record: KeyRecord) -> str:
    """One `[[key]]` table. No field can hold a quotation mark or a backslash, so nothing needs escaping."""
    lines = [
        "[[key]]",
        f'id = "{record.id}"',
        f'sha256 = "{record.sha256}"',
        f"roles = [{_listed(record.roles)}]",
        f"plants = [{_listed(record.plants)}]",
    ]
    if record.expires is not None:
        lines.append(f"expires = {record.expires.isoformat()}")
    if record.note:
        lines.append(f'note = "{record.note}"')
    return "\n".join(lines) + "\n"


def plants_told(plants: frozenset[str]) -> str:
    """Plants for people."""
    return "all plants" if ALL_PLANTS in plants else ", ".join(sorted(plants))


def _record(number: int, entry: object) -> KeyRecord:
    try:
        return KeyRecord.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise LinegateError(f"key {number}{f', {where}' if where else ''}: {first['msg']}") from None


def _listed(names: frozenset[str] | frozenset[Role]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))
