"""The users of Redis and their rights: read from `redis.toml`, written as the lines of an ACL file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("redis.toml")
DEFAULT_OFF: Final = "user default reset off"
"""Whoever gives no name may do nothing."""


@dataclass(frozen=True, slots=True)
class RedisUser:
    """One user and all it may do."""

    name: str
    does: str
    keys: tuple[str, ...]
    """Patterns of keys."""
    commands: tuple[str, ...]
    """Commands, or categories of them (`@all`)."""

    def line(self, password: str | None) -> str:
        """The user's line in an ACL file; the part after `user` is also what ACL SETUSER takes.

        Args:
            password: stands there as its SHA-256. Without one nobody can log in as this user, until one is set.
        """
        rights = [
            *([f"#{hashlib.sha256(password.encode()).hexdigest()}"] if password else []),
            *(f"~{key}" for key in self.keys),
            "resetchannels",
            *(f"+{command}" for command in self.commands),
        ]
        return f"user {self.name} reset on {' '.join(rights)}"


def redis_users() -> Mapping[str, RedisUser]:
    """All of them, by name."""
    written = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return {
        name: RedisUser(name, entry["does"], tuple(entry["keys"]), tuple(entry["commands"]))
        for name, entry in written.items()
    }


def acl_file(passwords: Mapping[str, str], users: Mapping[str, RedisUser]) -> str:
    """A whole ACL file: the default user off, and `users` with their passwords, where they have one."""
    return "\n".join([DEFAULT_OFF, *(user.line(passwords.get(user.name)) for user in users.values())]) + "\n"
