"""A new key's record, made from what a person typed, and the table that shows records to people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from shared.auth.key_file import KeyRecord, new_token, plants_told, token_id, token_sha256
from shared.auth.roles import Role
from shared.errors import LinegateError


def new_record(
    *, roles: Sequence[str], plants: Sequence[str], expires: datetime | None, note: str
) -> tuple[str, KeyRecord]:
    """A new key and what the file keeps of it.

    Raises:
        LinegateError: a role, a plant or the note is not valid.
    """
    identity, token = new_token()
    entry: dict[str, Any] = {"id": identity, "sha256": token_sha256(token), "roles": roles, "plants": plants}
    try:
        return token, KeyRecord.model_validate(entry | {"expires": expires, "note": note})
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        hints = {
            "roles": f"--role is {', '.join(list(Role)[:-1])} or {Role.ENGINEER}",
            "plants": "--plant is lower-case letters, digits, . _ -, at most 63, e.g. munich; '*' is every plant",
            "note": "--note has at most 200 characters, none of them a quotation mark or a backslash",
        }
        raise LinegateError(f"the key's {field} are not valid", hint=hints.get(str(field))) from None


def id_of(text: str) -> str:
    """A key's id, given the id, or by mistake the whole key: that must still be revoked, and not be shown."""
    return token_id(text.strip()) or text.strip().removeprefix("lg_")


def table_of(records: Sequence[KeyRecord], *, now: datetime) -> Table:
    """The records, one row each."""
    table = Table()
    for name in ("id", "roles", "plants", "expires", "note"):
        table.add_column(name)
    for record in records:
        until = "never" if record.expires is None else f"{record.expires:%Y-%m-%d %H:%M} UTC"
        expired = record.expired(now)
        table.add_row(
            record.id,
            ", ".join(sorted(record.roles)),
            plants_told(frozenset(record.plants)),
            Text(f"{until} (expired)" if expired else until, style="red" if expired else ""),
            Text(record.note),
        )
    return table
