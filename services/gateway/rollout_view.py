"""What of the registry somebody may see: never what is another plant's alone."""

from functools import partial

from shared.auth import Permission, Principal
from shared.registry.place_key import WILDCARD, PlaceKey
from shared.registry.snapshot import Snapshot


def visible(snapshot: Snapshot, principal: Principal) -> Snapshot:
    """The registry as far as `principal` may see it.

    Assignments of a plant need `verdicts:read` there; those of every plant (`*`) need it everywhere, since they tell
    what the other plants have. Stations of every plant are shown to everybody, because they hold at each. A version is
    visible where it was made for a visible plant, for every plant or for none in particular, or where a visible
    assignment names it.
    """
    reads = partial(principal.may, Permission.READ_VERDICT)
    assignments = {text: held for text, held in snapshot.assignments.items() if reads(PlaceKey(text).plant)}
    named = {version for held in assignments.values() for version in (*held.record.warm(), *held.record.retired)}
    return snapshot.model_copy(
        update={
            "assignments": assignments,
            "stations": {
                text: held
                for text, held in snapshot.stations.items()
                if PlaceKey(text).plant == WILDCARD or reads(PlaceKey(text).plant)
            },
            "versions": {
                name: record
                for name, record in snapshot.versions.items()
                if name in named or record.place is None or record.place.plant == WILDCARD or reads(record.place.plant)
            },
        }
    )
