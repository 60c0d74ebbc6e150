"""Silences as their page shows them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.console.visitor import Visitor
from shared.alerts.desk import HeldSilence
from shared.alerts.records import Silence
from shared.auth import Permission
from shared.registry.place_key import WILDCARD

Stage = Literal["active", "upcoming", "over"]
OVER_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Card:
    """One silence of the list."""

    record: Silence
    revision: int
    stage: Stage
    manageable: bool
    """Whether the visitor may end it."""

    @property
    def plant(self) -> str | None:
        """Whose; None: of every plant."""
        return None if self.record.scope.plant == WILDCARD else self.record.scope.plant


def cards(held: Iterable[HeldSilence], visitor: Visitor, moment: datetime) -> dict[Stage, list[Card]]:
    """The silences to show: by stage; those that end first come first, of those that are over the latest."""
    found = sorted(
        (_card(one, visitor, moment) for one in held if visible(one.record, visitor)),
        key=lambda card: card.record.end,
    )
    return {
        "active": [card for card in found if card.stage == "active"],
        "upcoming": [card for card in found if card.stage == "upcoming"],
        "over": [card for card in reversed(found) if card.stage == "over"][:OVER_SHOWN],
    }


def _card(held: HeldSilence, visitor: Visitor, moment: datetime) -> Card:
    record = held.record
    stage: Stage = "over" if record.end <= moment else "active" if record.begin <= moment else "upcoming"
    plant = None if record.scope.plant == WILDCARD else record.scope.plant
    return Card(record, held.revision, stage, stage != "over" and visitor.may(Permission.MANAGE_ALERTS, plant))


def visible(record: Silence, visitor: Visitor) -> bool:
    """Whether it is to be shown."""
    # What silences every plant silences theirs: whoever reads at one of them is to know.
    plant = record.scope.plant
    return plant == WILDCARD or (visitor.may(Permission.READ_VERDICT, plant) and visitor.plant in (None, plant))
