"""What keeps an alert's messages back. Pure.

| while this is open | these are muted, where it covers all their places |
|---|---|
| `no_photos` | `no_verdicts` |

Nothing else follows surely from another: a place that rejects everything may have a broken camera and a broken tool.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from shared.alerts.records import Silence
from shared.events import ConditionKind, Mute, Place
from shared.registry.place_key import PlaceKey

INHIBITED_BY: Final[Mapping[ConditionKind, tuple[ConditionKind, ...]]] = {"no_verdicts": ("no_photos",)}
"""By the muted condition: the conditions that mute it."""


def mute_of(
    condition: ConditionKind,
    where: PlaceKey,
    *,
    silences: Iterable[Silence],
    at: datetime,
    firing: Sequence[tuple[ConditionKind, PlaceKey]] = (),
    places: Collection[Place] = (),
) -> Mute | None:
    """What mutes an alert at a moment; None where nothing does. A silence goes before.

    Args:
        condition: the alert's.
        where: all the places that it may be about.
        silences: that there are, also those that are over or to come.
        at: the moment.
        firing: condition and places of the other open alerts.
        places: that photos ever came from.
    """
    if any(_silences(one, condition, where, at) for one in silences):
        return "silence"
    stronger = [key for kind, key in firing if kind in INHIBITED_BY.get(condition, ())]
    return "inhibition" if stronger and _cover(stronger, where, places) else None


def _silences(silence: Silence, condition: ConditionKind, where: PlaceKey, at: datetime) -> bool:
    concerned = not silence.conditions or condition in silence.conditions
    return concerned and silence.begin <= at < silence.end and silence.scope.covers(where)


def _cover(keys: Sequence[PlaceKey], where: PlaceKey, places: Collection[Place]) -> bool:
    if any(key.covers(where) for key in keys):
        return True
    mine = [place for place in places if where.matches(place)]
    return bool(mine) and all(any(key.matches(place) for key in keys) for place in mine)
