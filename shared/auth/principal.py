"""Whoever asks, once it is known who that is."""

from dataclasses import dataclass
from typing import Final

from shared.auth.roles import ROLES, Permission, Role

ALL_PLANTS: Final = "*"
"""Stands for every plant, also those yet to come. No plant can be named so."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: who, in which roles, at which plants. Each role holds at each of the plants."""

    subject: str
    """Names the caller in logs: `key:<id>` for a static key, `jwt:<sub>` for a JWT."""
    roles: frozenset[Role]
    plants: frozenset[str]
    """Plant names, or `ALL_PLANTS` among them."""

    def has(self, permission: Permission) -> bool:
        """Whether one of the roles has `permission`, wherever that is."""
        return any(permission in ROLES[role] for role in self.roles)

    def may(self, permission: Permission, plant: str | None) -> bool:
        """Whether `permission` is given at `plant`. Where the plant is not known (None), only at all plants."""
        return self.has(permission) and (ALL_PLANTS in self.plants or plant in self.plants)


ANYONE: Final = Principal("anyone", frozenset(Role), frozenset({ALL_PLANTS}))
"""Every caller, where `auth.mode` is `off`."""
