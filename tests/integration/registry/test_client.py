"""The registry on a real Redis: immutable versions, compare-and-swap, audit."""

import threading
from collections.abc import Callable

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import Place
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable, RevisionConflict, UnknownVersion, VersionExists
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, Canary, StationConfig, VersionRecord
from shared.settings import RedisSettings, SettingsRejected

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich/line-1")


def record(version: str, digest: str = "a" * 64) -> VersionRecord:
    """A version record."""
    return VersionRecord(version=version, digest=digest, kind="padim", author="ada")


def test_versions_are_registered_and_listed(registry: Registry) -> None:
    """Newest first; an unknown name is None."""
    first, second = registry.register(record("v1")), registry.register(record("v2", "b" * 64))
    assert registry.versions() == [second, first]
    assert registry.version("v1") == first
    assert registry.version("v9") is None


def test_the_same_bundle_again_is_harmless(registry: Registry) -> None:
    """A repeated registration, e.g. after a time-out, keeps the first record and adds no audit entry."""
    first = registry.register(record("v1"))
    assert registry.register(record("v1")) == first
    assert len(registry.audit()) == 1


def test_a_name_is_never_used_twice(registry: Registry) -> None:
    """Verdicts refer to versions by name."""
    first = registry.register(record("v1"))
    with pytest.raises(VersionExists, match="v1 is already registered for another bundle"):
        registry.register(record("v1", "b" * 64))
    assert registry.version("v1") == first


def test_an_assignment_is_changed_step_by_step(registry: Registry) -> None:
    """Each change names the revision it is based on."""
    registry.register(record("v1"))
    registry.register(record("v2"))
    first = registry.assign(KEY, Assignment(champion="v1"), expected=None, author="ada")
    canary = Assignment(champion="v1", canary=Canary(version="v2", percent=5))
    second = registry.assign(KEY, canary, expected=first, author="bob")
    assert second > first
    resolved = registry.snapshot().resolve(Place(plant="munich", line="line-1"))
    assert resolved is not None
    assert resolved.revision == second
    assert resolved.assignment == canary.model_copy(update={"author": "bob"})
    registry.unassign(KEY, expected=second, author="ada")
    assert registry.snapshot().resolve(Place(plant="munich", line="line-1")) is None


def test_a_change_based_on_old_news_is_refused(registry: Registry) -> None:
    """And says what was expected and what was found; nothing is changed."""
    registry.register(record("v1"))
    first = registry.assign(KEY, Assignment(champion="v1"), expected=None, author="ada")
    attempts: list[tuple[int | None, Callable[[int | None], object]]] = [
        (None, lambda e: registry.assign(KEY, Assignment(champion="v1"), expected=e, author="bob")),
        (first + 7, lambda e: registry.assign(KEY, Assignment(champion="v1"), expected=e, author="bob")),
        (first - 1, lambda e: registry.unassign(KEY, expected=e or 0, author="bob")),
    ]
    before = registry.snapshot()
    for expected, attempt in attempts:
        with pytest.raises(RevisionConflict) as caught:
            attempt(expected)
        assert (caught.value.expected, caught.value.found) == (expected, first)
    after = registry.snapshot()
    assert (after.revision, after.assignments) == (before.revision, before.assignments)


def test_a_change_of_a_removed_entry_is_refused(registry: Registry) -> None:
    """Found: no entry."""
    with pytest.raises(RevisionConflict, match="found no entry") as caught:
        registry.set_station(KEY, StationConfig(policy="full_frame"), expected=3, author="ada")
    assert caught.value.found is None


@pytest.mark.parametrize(
    "assignment",
    [
        Assignment(champion="v9"),
        Assignment(champion="v1", canary=Canary(version="v9", percent=1)),
        Assignment(champion="v1", shadow="v9"),
    ],
)
def test_only_registered_versions_are_assigned(registry: Registry, assignment: Assignment) -> None:
    """Neither as champion nor as canary nor as shadow."""
    registry.register(record("v1"))
    with pytest.raises(UnknownVersion, match="v9 is not registered"):
        registry.assign(KEY, assignment, expected=None, author="ada")
    assert registry.snapshot().assignments == {}
    assert len(registry.audit()) == 1


def test_stations_are_kept_likewise(registry: Registry) -> None:
    """The most specific one wins; the default stands where there is none."""
    place = Place(plant="munich", line="line-1", station="s1")
    assert registry.snapshot().station(place) == StationConfig()
    registry.set_station(KEY, StationConfig(policy="full_frame"), expected=None, author="ada")
    narrow = StationConfig(presence=0.9)
    revision = registry.set_station(PlaceKey.parse("munich/line-1/s1"), narrow, expected=None, author="ada")
    assert registry.snapshot().station(place) == narrow
    registry.unset_station(PlaceKey.parse("munich/line-1/s1"), expected=revision, author="ada")
    assert registry.snapshot().station(place).policy == "full_frame"


def test_every_change_is_audited(registry: Registry) -> None:
    """Who, what, before and after, in order, and only changes that happened."""
    registry.register(record("v1"))
    first = registry.assign(KEY, Assignment(champion="v1"), expected=None, author="ada")
    with pytest.raises(RevisionConflict):
        registry.assign(KEY, Assignment(champion="v1"), expected=None, author="eve")
    second = registry.unassign(KEY, expected=first, author="bob")
    entries = registry.audit()
    assert [(e.table, e.author, e.revision) for e in entries] == [
        ("versions", "ada", 1),
        ("assignments", "ada", first),
        ("assignments", "bob", second),
    ]
    assert entries[1].before is None
    assert entries[2].before == entries[1].after
    assert entries[2].after is None
    assert registry.audit(since=entries[0].stream_id) == entries[1:]
    assert registry.audit(count=1) == entries[:1]
    assert registry.history(2) == entries[:0:-1]


def test_racing_writers_lose_no_change(registry: Registry, registry_settings: RedisSettings) -> None:
    """Eight writers that read, raise a number and write back: every success counts exactly once."""
    start = threading.Barrier(8)
    successes: list[int] = []

    def work() -> None:
        with Registry(registry_settings) as own:
            start.wait()
            for _ in range(15):
                held = own.snapshot().stations.get(str(KEY))
                height = held.record.height if held else 100
                try:
                    changed = StationConfig(height=height + 1)
                    own.set_station(KEY, changed, expected=held.revision if held else None, author="ada")
                except RevisionConflict:
                    continue
                successes.append(height + 1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.snapshot().stations[str(KEY)].record.height == 100 + len(successes)
    assert sorted(successes) == list(range(101, 101 + len(successes)))
    assert len(registry.audit(count=1000)) == len(successes)


Operation = tuple[str, int, bool]


@given(
    st.lists(
        st.tuples(st.sampled_from(["assign", "unassign", "station"]), st.integers(0, 2), st.booleans()), max_size=12
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_matches_a_plain_dictionary(
    registry: Registry, registry_settings: RedisSettings, operations: list[Operation]
) -> None:
    """Two writers with fresh or old knowledge in any order: the registry does what a dictionary under a lock would."""
    with redis.Redis.from_url(registry_settings.url.get_secret_value()) as client:
        client.flushdb()
    registry.register(record("v1"))
    model: dict[tuple[str, int], int] = {}
    last = 1
    for kind, which, fresh in operations:
        key, table = PlaceKey.parse(f"plant-{which}"), "stations" if kind == "station" else "assignments"
        held = model.get((table, which))
        expected = held if fresh else (held or 0) + 1000
        try:
            if kind == "assign":
                revision = registry.assign(key, Assignment(champion="v1"), expected=expected, author="ada")
            elif kind == "station":
                revision = registry.set_station(key, StationConfig(), expected=expected, author="ada")
            else:
                revision = registry.unassign(key, expected=0 if expected is None else expected, author="ada")
        except RevisionConflict as conflict:
            assert not fresh or (kind == "unassign" and held is None)
            assert conflict.found == held  # noqa: PT017 - whether it is refused depends on the drawn history
            continue
        assert fresh
        assert revision > last
        last = revision
        if kind == "unassign":
            del model[table, which]
        else:
            model[table, which] = revision
    snapshot = registry.snapshot()
    assert snapshot.revision == last
    found = {("assignments", k): v.revision for k, v in snapshot.assignments.items()}
    found |= {("stations", k): v.revision for k, v in snapshot.stations.items()}
    assert found == {(table, str(PlaceKey.parse(f"plant-{which}"))): n for (table, which), n in model.items()}


def test_an_unreachable_redis_is_one_error() -> None:
    """Every call says the same: the registry does not answer."""
    away = Registry(RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"}))
    calls: list[Callable[[], object]] = [
        away.snapshot,
        away.versions,
        away.audit,
        away.history,
        lambda: away.version("v1"),
        lambda: away.register(record("v1")),
        lambda: away.assign(KEY, Assignment(champion="v1"), expected=None, author="ada"),
        lambda: away.wait_for_change("0-0", 0.1),
    ]
    for call in calls:
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            call()


def test_a_silent_redis_is_given_up() -> None:
    """A server that accepts and never answers runs into the time limit."""
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        registry = Registry(RedisSettings.model_validate({"url": url, "timeout_s": 0.2}))
        with registry, pytest.raises(RegistryUnavailable, match="does not answer"):
            registry.snapshot()


def test_an_entry_of_a_newer_linegate_is_told(registry: Registry, registry_settings: RedisSettings) -> None:
    """Unknown fields are never guessed at."""
    with redis.Redis.from_url(registry_settings.url.get_secret_value()) as client:
        client.hset("{linegate}:assignments", str(KEY), '3 {"champion":"v1","quorum":2}')
    with pytest.raises(RegistryUnavailable, match=r"not understood.*quorum") as caught:
        registry.snapshot()
    assert caught.value.hint is not None
    assert "newer version" in caught.value.hint


def test_a_wrong_url_is_a_wrong_setting() -> None:
    """Told when the process starts."""
    with pytest.raises(SettingsRejected, match=r"redis\.url"):
        Registry(RedisSettings.model_validate({"url": "http://localhost"}))


def test_all_keys_lie_in_one_cluster_slot(registry: Registry, registry_settings: RedisSettings) -> None:
    """One hash tag: the scripts run on a Redis cluster too."""
    registry.register(record("v1"))
    registry.assign(KEY, Assignment(champion="v1"), expected=None, author="ada")
    registry.set_station(KEY, StationConfig(), expected=None, author="ada")
    with redis.Redis.from_url(registry_settings.url.get_secret_value(), decode_responses=True) as client:
        keys = client.keys("*")
        assert len(keys) == 5
        assert all(key.startswith("{linegate}:") for key in keys)
