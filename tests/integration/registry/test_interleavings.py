"""Compare-and-swap on a real Redis, under every order of several people's reading, thinking and writing.

Redis runs a script as one step, so the order of those steps is all that concurrency can change; Hypothesis draws it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, UnknownVersion
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry, Canary, StationConfig, VersionRecord
from shared.registry.snapshot import Snapshot
from shared.settings import RedisSettings

pytestmark = pytest.mark.redis
KEYS = tuple(PlaceKey.parse(text) for text in ("munich", "munich/line-1"))
VERSIONS = ("v1", "v2", "v3")
VERBS = (
    "read",
    "read",
    "read",
    "raise the canary",
    "set the shadow",
    "remove",
    "set the station",
    "unset the station",
    "register",
    "name an unknown version",
)
Move = tuple[int, str, int]
"""Who does what to which key."""


@dataclass
class Actor:
    """Somebody who changes what they saw, whenever that was."""

    name: str
    seen: Snapshot = field(default_factory=Snapshot)


def expected_of(held: Any) -> int | None:
    """The revision a change is based on."""
    return None if held is None else held.revision


def act(registry: Registry, actor: Actor, verb: str, key: PlaceKey) -> int | None:  # noqa: PLR0911 - one a verb
    """Do it, based on what the actor saw last; answers the new revision, or None where nothing was to be changed.

    Raises:
        RevisionConflict: somebody else was quicker.
        UnknownVersion: the version is not registered.
    """
    assignment, station = actor.seen.assignments.get(key.root), actor.seen.stations.get(key.root)
    if verb == "read":
        actor.seen = registry.snapshot()
        return None
    if verb == "register":
        version = VERSIONS[len(actor.seen.versions) % len(VERSIONS)]
        held = registry.version(version)
        registry.register(VersionRecord(version=version, digest="a" * 64, kind="padim", author=actor.name))
        return None if held is not None else -1
    if verb == "remove":
        return registry.unassign(key, expected=assignment.revision, author=actor.name) if assignment else None
    if verb == "set the station":
        height = 100 + (station.record.height - 99 if station else 0)
        return registry.set_station(key, StationConfig(height=height), expected=expected_of(station), author=actor.name)
    if verb == "unset the station":
        return registry.unset_station(key, expected=station.revision, author=actor.name) if station else None
    if verb == "name an unknown version":
        return registry.assign(key, Assignment(champion="v9"), expected=expected_of(assignment), author=actor.name)
    record = assignment.record if assignment else Assignment(champion="v1")
    if verb == "raise the canary":
        percent = record.canary.percent + 1 if record.canary else 0
        changed = record.model_copy(update={"canary": Canary(version="v2", percent=percent)})
    else:
        changed = record.model_copy(update={"shadow": "v3" if record.shadow is None else None})
    return registry.assign(key, changed, expected=expected_of(assignment), author=actor.name)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(VERBS), st.integers(0, 1)), max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_order_of_changes_is_a_history_without_a_lost_update(
    registry: Registry, registry_settings: RedisSettings, schedule: list[Move]
) -> None:
    """One counter, one step per change; a change is made exactly when nobody changed the entry since it was read."""
    with redis.Redis.from_url(registry_settings.url.get_secret_value()) as client:
        client.flushdb()
    actors = [Actor(f"actor-{n}") for n in range(4)]
    for who, verb, which in [(0, "register", 0), *schedule]:
        actor, key = actors[who], KEYS[which]
        before = registry.snapshot()
        table = "stations" if "station" in verb else "assignments"
        stale = expected_of(getattr(actor.seen, table).get(key.root)) != expected_of(
            getattr(before, table).get(key.root)
        )
        try:
            revision = act(registry, actor, verb, key)
        except RevisionConflict:
            assert stale, "refused although nobody else had changed it"
            assert unchanged(registry, before)
        except UnknownVersion:
            named = {"v9"} if "unknown" in verb else set(VERSIONS)
            assert named - before.versions.keys(), "refused although every version is registered"
            assert unchanged(registry, before)
        else:
            if revision is None:
                assert unchanged(registry, before)
                continue
            assert "unknown" not in verb
            assert verb == "register" or not stale, "a change based on old news was taken"
            after = registry.snapshot()
            assert after.revision == before.revision + 1
            assert revision in (-1, after.revision)
    audit, final = registry.audit(count=1000), registry.snapshot()
    assert [entry.revision for entry in audit] == list(range(1, final.revision + 1))
    assert registry.history(1000) == audit[::-1]
    assert replay(audit) == contents(final)


def unchanged(registry: Registry, before: Snapshot) -> bool:
    """Whether nothing happened."""
    after = registry.snapshot()
    return (after.revision, after.position, contents(after)) == (before.revision, before.position, contents(before))


def contents(snapshot: Snapshot) -> dict[tuple[str, str], Any]:
    """Everything it holds, as plain values."""
    tables = {
        "versions": dict(snapshot.versions),
        "assignments": {key: held.record for key, held in snapshot.assignments.items()},
        "stations": {key: held.record for key, held in snapshot.stations.items()},
    }
    return {
        (name, key): record.model_dump(mode="json") for name, table in tables.items() for key, record in table.items()
    }


def replay(audit: list[AuditEntry]) -> dict[tuple[str, str], Any]:
    """What the audit stream says the registry holds; each entry must go on from where the one before it stopped."""
    state: dict[tuple[str, str], str] = {}
    for entry in audit:
        where = (entry.table, entry.key)
        assert entry.before == state.pop(where, None), f"{entry.stream_id} does not go on from the entry before it"
        if entry.after is not None:
            state[where] = entry.after
    return {where: json.loads(text) for where, text in state.items()}
