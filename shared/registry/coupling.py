"""Does the line crop as its models expect? A model that learnt from other crops sees damage where there is none."""

from collections.abc import Mapping

from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig
from shared.registry.snapshot import HeldStation, Snapshot


def mismatches(snapshot: Snapshot, key: PlaceKey | None = None) -> list[str]:
    """One line for each assigned version and station entry that meet at some place and disagree about crops.

    Args:
        snapshot: the registry's state. Versions that do not say what crops they were made for are passed over.
        key: tells only of assignments that hold for some of the places under it; None: of all.
    """
    told = []
    for text, assigned in sorted(snapshot.assignments.items()):
        place = PlaceKey(text)
        if key is not None and not key.overlaps(place):
            continue
        for name in assigned.record.versions():
            version = snapshot.version(name)
            if version is None or version.crop is None:
                continue
            for entry, station in stations_at(snapshot.stations, place):
                differences = version.crop.differences(station.recipe())
                if differences:
                    told.append(
                        f"{name}, assigned at {text}, was made for other crops than station {entry} makes "
                        f"(model, station): {'; '.join(differences)}"
                    )
    return told


def stations_at(stations: Mapping[str, HeldStation], place: PlaceKey) -> list[tuple[str, StationConfig]]:
    """The station entries that hold for some of the places under `place`, with their keys."""
    entries = [(PlaceKey(text), held.record) for text, held in sorted(stations.items())]
    covering = [(key, record) for key, record in entries if key.covers(place)]
    inner = [(str(key), record) for key, record in entries if place.overlaps(key) and not key.covers(place)]
    if not covering:
        return [("(default)", StationConfig()), *inner]
    key, record = max(covering, key=lambda entry: entry[0].specificity)
    return [(str(key), record), *inner]
