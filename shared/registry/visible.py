"""What of the registry somebody may see: never what is another plant's alone."""

from functools import partial

from shared.auth import Permission, Principal
from shared.registry.place_key import WILDCARD, PlaceKey
from shared.registry.records import VersionRecord
from shared.registry.snapshot import Snapshot


def visible(snapshot: Snapshot, principal: Principal) -> Snapshot:
    """The registry as far as `principal` may see it.

    Assignments of a plant need `verdicts:read` there; those of every plant (`*`) need it everywhere, since they tell
    what the other plants have. Stations of every plant are shown to everybody, because they hold at each. A version is
    visible where it was made for a visible plant, for every plant or for none in particular, or where a visible
    assignment names it; then without the place it was made for.
    """
    reads = partial(principal.may, Permission.READ_VERDICT)

    def own(record: VersionRecord) -> bool:
        return record.place is None or record.place.plant == WILDCARD or reads(record.place.plant)

    assignments = {text: held for text, held in snapshot.assignments.items() if reads(PlaceKey(text).plant)}
    named = {version for held in assignments.values() for version in (*held.record.warm(), *held.record.retired)}
    stations = {
        text: held
        for text, held in snapshot.stations.items()
        if PlaceKey(text).plant == WILDCARD or reads(PlaceKey(text).plant)
    }
    versions = {
        name: record if own(record) else record.model_copy(update={"place": None})
        for name, record in snapshot.versions.items()
        if own(record) or name in named
    }
    return snapshot.model_copy(update={"assignments": assignments, "stations": stations, "versions": versions})
