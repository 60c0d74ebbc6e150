"""Alerts as their page shows them, to those who may see them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.console.visitor import Visitor
from services.console.words import N_
from shared.alerts.records import Alert, Group, HeldAlert
from shared.auth import Permission
from shared.events import AlertStep, ConditionKind, Mute, Severity
from shared.events.base import UNSPECIFIED

SEVERITIES: Final[dict[Severity, str]] = {"critical": N_("critical"), "error": N_("error"), "warning": N_("warning")}
"""The worst first."""
CONDITIONS: Final[dict[ConditionKind, str]] = {
    "each_fail": N_("Each failed part"),
    "fails_in_window": N_("Several failed parts in a short time"),
    "fail_rate": N_("More parts fail than usual"),
    "same_region": N_("Parts damaged at the same place"),
    "no_photos": N_("No photos"),
    "no_verdicts": N_("No verdicts"),
    "dead_letters": N_("Photos that cannot be judged"),
    "fault": N_("Faults of Linegate, and drift"),
}
STEPS: Final[dict[AlertStep, str]] = {
    "fired": N_("Fired"),
    "repeated": N_("Told again"),
    "escalated": N_("Escalated"),
    "acknowledged": N_("Acknowledged"),
    "resolved": N_("Resolved"),
    "muted": N_("Muted"),
    "unmuted": N_("No longer muted"),
}
MUTES: Final[dict[Mute, str]] = {
    "silence": N_("Silenced: messages are kept back for now"),
    "inhibition": N_("Muted: another alert explains it"),
}
_STAGES: Final = ("firing", "acknowledged", "resolved")


@dataclass(frozen=True, slots=True)
class Row:
    """One alert of the list."""

    alert: Alert
    manageable: bool
    """Whether the visitor may acknowledge and resolve it now."""

    @property
    def plant(self) -> str | None:
        """Whose it is; None: of no single one."""
        return self.alert.group.plant

    @property
    def title(self) -> str:
        """The subscription's, when it fired."""
        return self.alert.title or self.alert.subscription

    @property
    def place(self) -> tuple[str, ...]:
        """What its parts have in common below the plant."""
        return place(self.alert.group)


def place(group: Group) -> tuple[str, ...]:
    """The named fields of an address below the plant; without the part."""
    named = (group.line, group.station, group.layout, group.camera)
    return tuple(name for name in named if name is not None and name != UNSPECIFIED)


def visible(alert: Alert, visitor: Visitor) -> bool:
    """Whether it is to be shown: what is of no single plant is for those who may read at every one."""
    plant = alert.group.plant
    return visitor.may(Permission.READ_VERDICT, plant) and (plant is None or visitor.plant in (None, plant))


def row(alert: Alert, visitor: Visitor) -> Row:
    """One alert, for a visitor who may see it."""
    return Row(alert, manageable=alert.open and visitor.may(Permission.MANAGE_ALERTS, alert.group.plant))


def rows(held: Iterable[HeldAlert], visitor: Visitor) -> list[Row]:
    """The alerts to show: those first that nobody takes care of, the worst before others, then the latest."""
    found = [row(one.record, visitor) for one in held if visible(one.record, visitor)]
    found.sort(key=lambda one: one.alert.resolved or one.alert.since, reverse=True)
    order = list(SEVERITIES)
    found.sort(key=lambda one: order.index(one.alert.severity) if one.alert.open else 0)
    return sorted(found, key=lambda one: _STAGES.index(one.alert.state))
