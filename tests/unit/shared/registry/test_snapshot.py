"""The snapshot: which assignment and which station are in force at a place."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events import Place
from shared.registry.place_key import FIELDS, WILDCARD, PlaceKey, candidate_keys
from shared.registry.records import Assignment, Canary, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot

PLACE = Place(plant="munich", line="line-1", station="s1", layout="us", camera="mobile")


def holding(*keys: str) -> Snapshot:
    """A snapshot whose assignments name their own position."""
    held = {
        PlaceKey.parse(key).root: HeldAssignment(revision=n, record=Assignment(champion=f"v{n}"))
        for n, key in enumerate(keys, start=1)
    }
    return Snapshot(assignments=held, revision=len(keys))


@pytest.mark.parametrize(
    ("keys", "wins"),
    [
        (["*"], "*"),
        (["*", "munich"], "munich"),
        (["munich", "*/line-1"], "munich"),
        (["munich/line-1", "munich/*/*/us"], "munich/line-1"),
        (["munich/line-1", "*/line-1/s1/us"], "*/line-1/s1/us"),
        (["munich/line-1/s1/us/mobile", "munich/line-1/s1/us/stationary"], "munich/line-1/s1/us/mobile"),
        (["paris", "munich/line-2"], None),
    ],
)
def test_the_most_specific_key_wins(keys: list[str], wins: str | None) -> None:
    """More named fields win; among equals the one further left."""
    resolved = holding(*keys).resolve(PLACE)
    assert (resolved and str(resolved.key)) == (wins and str(PlaceKey.parse(wins)))


parts = st.sampled_from(["a", "b"])
places = st.builds(
    Place, plant=parts, line=parts, station=parts, layout=parts, camera=st.sampled_from(["stationary", "mobile"])
)


@given(places)
def test_candidate_keys_are_all_keys_that_match(place: Place) -> None:
    """32 of them, each valid, each different, and no other key over these names matches."""
    keys = candidate_keys(place)
    assert len(set(keys)) == 32
    assert all(PlaceKey.parse(str(key)) == key and key.matches(place) for key in keys)
    options = [["a", "b", WILDCARD]] * 4 + [["stationary", "mobile", WILDCARD]]
    every = {PlaceKey.parse("/".join(choice)) for choice in product(*options)}
    assert {key for key in every if key.matches(place)} == set(keys)


@given(places, st.sets(st.tuples(*[st.sampled_from(["a", WILDCARD])] * 4, st.sampled_from(["mobile", WILDCARD]))))
def test_what_is_resolved_matches_and_nothing_more_specific_does(place: Place, chosen: set[tuple[str, ...]]) -> None:
    """Against a plain search over all entries."""
    keys = sorted("/".join(choice) for choice in chosen)
    resolved = holding(*keys).resolve(place)
    matching = [key for key in map(PlaceKey.parse, keys) if key.matches(place)]
    assert (resolved.key if resolved else None) == max(matching, key=lambda key: key.specificity, default=None)


@given(st.tuples(*[parts | st.just(WILDCARD)] * 4), st.tuples(*[parts | st.just(WILDCARD)] * 4))
def test_a_key_covers_another_when_it_matches_all_its_places(wide: tuple[str, ...], narrow: tuple[str, ...]) -> None:
    """Against every place there is over these names."""
    first, second = PlaceKey.parse("/".join(wide)), PlaceKey.parse("/".join(narrow))
    every = [Place(plant=a, line=b, station=c, layout=d) for a, b, c, d in product(["a", "b", "other"], repeat=4)]
    assert first.covers(second) == all(first.matches(place) for place in every if second.matches(place))
    assert first.overlaps(second) == any(first.matches(place) and second.matches(place) for place in every)


def test_station_defaults_where_none_is_set() -> None:
    """Every place has a station configuration."""
    assert Snapshot().station(PLACE) == StationConfig()
    own = StationConfig(policy="full_frame")
    assert Snapshot(stations={"munich/*/*/*/*": HeldStation(revision=1, record=own)}).station(PLACE) == own


def test_assigned_versions_are_those_that_some_worker_needs() -> None:
    """Champion, canary and shadow, each once, and only registered ones."""
    versions = {v: VersionRecord(version=v, digest="a" * 64, kind="padim") for v in ("v1", "v2", "v3", "v4")}
    assignments = {
        "a/*/*/*/*": HeldAssignment(
            revision=1, record=Assignment(champion="v3", canary=Canary(version="v1", percent=5), shadow="v9")
        ),
        "b/*/*/*/*": HeldAssignment(revision=2, record=Assignment(champion="v3", shadow="v2")),
    }
    snapshot = Snapshot(versions=versions, assignments=assignments)
    assert [record.version for record in snapshot.assigned_versions()] == ["v1", "v2", "v3"]


def test_json_round_trip_and_immutability() -> None:
    """What is written to the last-known-good copy is what is read from it."""
    snapshot = holding("munich", "*").model_copy(update={"stale": True, "position": "7-0"})
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot
    with pytest.raises(ValidationError, match="frozen"):
        snapshot.revision = 9  # type: ignore[misc]  # the very thing that must fail


def test_place_fields_are_the_keys_fields() -> None:
    """The two lists cannot drift apart."""
    assert tuple(Place.model_fields) == FIELDS
