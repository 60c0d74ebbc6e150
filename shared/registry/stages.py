"""Where a version stands, at every key at once."""

from collections.abc import Mapping

from shared.registry.lifecycle import Stage, stage_of
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord
from shared.registry.snapshot import Snapshot


def stages(snapshot: Snapshot, record: VersionRecord) -> Mapping[PlaceKey, Stage]:
    """The stage of a version at each key where it was put, the least specific first.

    It is a candidate at the key that it was made for, until it is put there.
    """
    found: dict[PlaceKey, Stage] = {
        PlaceKey(text): stage
        for text, held in snapshot.assignments.items()
        if (stage := stage_of(PlaceKey(text), held.record, record)) is not None and stage != "candidate"
    }
    if record.place is not None:
        found.setdefault(record.place, "candidate")
    return dict(sorted(found.items(), key=lambda entry: (entry[0].specificity[0], str(entry[0]))))


def candidates(snapshot: Snapshot, key: PlaceKey) -> list[VersionRecord]:
    """Versions that were made for some of the places under `key` and were not put there yet, the newest first."""
    found = [
        record
        for record in snapshot.versions.values()
        if record.place is not None
        and record.place.overlaps(key)
        and stages(snapshot, record)[record.place] == "candidate"
    ]
    return sorted(found, key=lambda record: record.created, reverse=True)
