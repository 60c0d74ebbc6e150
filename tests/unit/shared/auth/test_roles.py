"""The table of roles: what it gives, and that nothing ever gives more."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shared.auth import ALL_PLANTS, ANYONE, ROLES, Permission, Principal, Role

PAGE = Path(__file__).parents[4] / "docs" / "security-http.md"
PLANTS = ("munich", "puebla", "berlin")
principals = st.builds(
    Principal,
    subject=st.just("somebody"),
    roles=st.frozensets(st.sampled_from(list(Role))),
    plants=st.frozensets(st.sampled_from([*PLANTS, ALL_PLANTS])),
)


@given(who=principals, permission=st.sampled_from(list(Permission)), plant=st.sampled_from([*PLANTS, "elsewhere"]))
def test_nothing_grants_more_than_the_table(who: Principal, permission: Permission, plant: str) -> None:
    """A permission is held exactly where one of the roles has it by the page, and at the principal's plants only."""
    by_the_page = any((str(role), str(permission)) in documented() for role in who.roles)
    assert who.has(permission) == by_the_page
    assert who.may(permission, plant) == (by_the_page and bool(who.plants & {plant, ALL_PLANTS}))
    assert who.may(permission, None) == (by_the_page and ALL_PLANTS in who.plants)


@given(who=principals, more=principals, permission=st.sampled_from(list(Permission)), plant=st.sampled_from(PLANTS))
def test_taking_away_never_gives(who: Principal, more: Principal, permission: Permission, plant: str) -> None:
    """Fewer roles and fewer plants are at most as much."""
    less = Principal(who.subject, who.roles & more.roles, who.plants & more.plants)
    assert who.may(permission, plant) or not less.may(permission, plant)


def test_no_role_or_no_plant_is_nothing() -> None:
    """Each alone opens no door."""
    for permission in Permission:
        assert not Principal("x", frozenset(), frozenset({ALL_PLANTS})).may(permission, "munich")
        assert not Principal("x", frozenset(Role), frozenset()).may(permission, "munich")
        assert ANYONE.may(permission, "munich")


def test_the_page_has_the_same_table() -> None:
    """Row by row, role by role; and a camera may only hand in photos."""
    in_code = {(str(role), str(permission)) for role, permissions in ROLES.items() for permission in permissions}
    assert documented() == in_code
    assert ROLES.keys() == set(Role)
    assert ROLES[Role.CAMERA] == {Permission.SUBMIT_PHOTO}


def test_whoever_may_change_rollouts_may_read_them() -> None:
    """The gateway asks a reader of rollouts for `verdicts:read` alone."""
    managers = [permissions for permissions in ROLES.values() if Permission.MANAGE_ROLLOUT in permissions]
    assert managers
    assert all(Permission.READ_VERDICT in permissions for permissions in managers)


def documented() -> set[tuple[str, str]]:
    """(role, permission) for every `yes` in the page's table."""
    rows = [
        [cell.strip(" `") for cell in line.strip("|\n").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| *(permission|`[a-z]+:[a-z]+`) *\|", line)
    ]
    roles = rows[0][1:5]
    return {(role, row[0]) for row in rows[1:] for role, cell in zip(roles, row[1:5], strict=True) if cell == "yes"}
