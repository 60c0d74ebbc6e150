"""The one table of roles: what each may do. docs/security-http.md shows it; a test compares the two."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that may be done at a plant."""

    SUBMIT_PHOTO = "photos:submit"
    """Hand in a photo of a part."""
    READ_VERDICT = "verdicts:read"
    """Read what was found on a part."""
    GIVE_FEEDBACK = "feedback:give"
    """Say that a verdict was right or wrong."""
    MANAGE_ALERTS = "alerts:manage"
    """Subscribe to, acknowledge and silence alerts."""
    MANAGE_ROLLOUT = "rollout:manage"
    """Change which model version judges where."""


class Role(StrEnum):
    """What somebody is at a plant. One may be several: a camera PC that stops the line is camera and operator."""

    CAMERA = "camera"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"


ROLES: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.CAMERA: frozenset({Permission.SUBMIT_PHOTO}),
    Role.OPERATOR: frozenset({Permission.READ_VERDICT, Permission.GIVE_FEEDBACK}),
    Role.SUPERVISOR: frozenset({Permission.READ_VERDICT, Permission.GIVE_FEEDBACK, Permission.MANAGE_ALERTS}),
    Role.ENGINEER: frozenset(
        {Permission.READ_VERDICT, Permission.GIVE_FEEDBACK, Permission.MANAGE_ALERTS, Permission.MANAGE_ROLLOUT}
    ),
}
"""Every row is complete: no role inherits from another."""
