"""Which entry of a table of the registry holds for the places under a key, and where another one does instead."""

from collections.abc import Iterable

from shared.registry.place_key import PlaceKey
from shared.registry.snapshot import Snapshot


def covering(entries: Iterable[str], key: PlaceKey) -> str | None:
    """The most specific of `entries` that holds for all places under `key`; None where there is none."""
    found = [entry for entry in map(PlaceKey, entries) if entry.covers(key)]
    return str(max(found, key=lambda entry: entry.specificity)) if found else None


def entries_within(snapshot: Snapshot, key: PlaceKey) -> list[str]:
    """Keys of assignments and stations that hold for some of the places under `key`, and not for all of them."""
    entries = {PlaceKey(text) for text in (*snapshot.assignments, *snapshot.stations)}
    return sorted(str(entry) for entry in entries if key.overlaps(entry) and not entry.covers(key))


def exceptions(entries: Iterable[str], key: PlaceKey) -> list[str]:
    """Those of `entries` that hold instead of the entry of `key` for some of the places under it, sorted."""
    others = (PlaceKey(text) for text in entries)
    return sorted(
        str(other) for other in others if other != key and key.overlaps(other) and other.specificity > key.specificity
    )
