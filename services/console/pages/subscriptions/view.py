"""Subscriptions as their list shows them: what, where, how, and whether they are awake. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.console.visitor import Visitor
from services.console.words import N_, Words
from shared.alerts.channels import Channel
from shared.alerts.conditions import (
    Condition,
    DeadLetters,
    EachFail,
    FailRate,
    FailsInWindow,
    FaultRaised,
    NoPhotos,
    NoVerdicts,
    SameRegion,
)
from shared.alerts.delivery import Disabled
from shared.alerts.desk import HeldSubscription
from shared.alerts.hours import WEEK, ActiveHours, Weekday
from shared.alerts.subscription import Subscription
from shared.auth import Permission
from shared.events import FaultKind
from shared.registry.place_key import WILDCARD, PlaceKey

TO: Final = "\N{EN DASH}"
DAYS: Final[dict[Weekday, str]] = {
    "mon": N_("Mon"),
    "tue": N_("Tue"),
    "wed": N_("Wed"),
    "thu": N_("Thu"),
    "fri": N_("Fri"),
    "sat": N_("Sat"),
    "sun": N_("Sun"),
}
FAULTS: Final[dict[FaultKind, str]] = {
    "score_drift": N_("Drift of the scores"),
    "embedding_drift": N_("Drift of the pictures"),
    "rollout_breach": N_("A version on trial fails the judge"),
    "model_not_loaded": N_("A model cannot be loaded"),
    "registry_away": N_("Redis is away"),
    "registry_older": N_("Redis answers with older data"),
    "store_away": N_("The store is away"),
    "receiver_away": N_("The mail server or the MQTT broker is away"),
    "disk_full": N_("A disk is full"),
    "disk_failed": N_("A disk failed"),
    "out_of_memory": N_("Memory is short"),
    "clock_skew": N_("A camera's clock is off"),
    "dead_letter_flood": N_("A flood of dead letters"),
    "step_failed": N_("A worker's step failed"),
    "kafka_failed": N_("Kafka failed"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One subscription of the list."""

    record: Subscription
    revision: int
    plant: str | None
    """None: of every plant."""
    what: str
    """Its condition in words."""
    when: str | None
    """Its hours in words; None: always."""
    awake: bool
    disabled: Mapping[str, Disabled]
    """Channels that get nothing any more, by name."""
    manageable: bool

    @property
    def title(self) -> str:
        """For people."""
        return self.record.title or self.record.id


def plant_of(scope: PlaceKey) -> str | None:
    """The plant of a scope; None: of every plant."""
    return None if scope.plant == WILDCARD else scope.plant


def visible(scope: PlaceKey, visitor: Visitor) -> bool:
    """Whether something of this scope is to be shown: what is of every plant is for those who may read at every one."""
    plant = plant_of(scope)
    return visitor.may(Permission.READ_VERDICT, plant) and (plant is None or visitor.plant in (None, plant))


def card(
    held: HeldSubscription, visitor: Visitor, moment: datetime, disabled: Mapping[str, Disabled] | None = None
) -> Card:
    """One subscription, for a visitor who may see it."""
    record, plant = held.record, plant_of(held.record.scope)
    return Card(
        record=record,
        revision=held.revision,
        plant=plant,
        what=sentence(record.condition, visitor.words),
        when=None if record.hours is None else hours(record.hours, visitor.words),
        awake=record.enabled and (record.hours is None or record.hours.contains(moment)),
        disabled=disabled or {},
        manageable=visitor.may(Permission.MANAGE_ALERTS, plant),
    )


def shown(held: Iterable[HeldSubscription], visitor: Visitor) -> list[HeldSubscription]:
    """Those that are to be shown, by title; those that are switched off come last."""
    found = [one for one in held if visible(one.record.scope, visitor)]
    return sorted(found, key=lambda one: (not one.record.enabled, (one.record.title or one.record.id).casefold()))


def place(scope: PlaceKey) -> tuple[str, ...]:
    """The named fields of a scope below the plant."""
    return tuple(part for name, part in scope.named.items() if name != "plant")


def target(channel: Channel) -> str:
    """Where a channel leads, for people. A webhook's query may hold a key of the receiver's: it is not shown."""
    match channel.kind:
        case "webhook":
            return channel.url.split("?", 1)[0].split("#", 1)[0]
        case "email":
            return ", ".join(channel.to)
        case "mqtt":
            return channel.topic


def sentence(condition: Condition, words: Words) -> str:  # noqa: PLR0911 - one for each condition
    """A condition in words."""
    number = words.number
    match condition:
        case EachFail():
            return words._("Each failed part")
        case FailsInWindow():
            return words.ngettext(
                "%(num)s failed part within %(minutes)s min",
                "%(num)s failed parts within %(minutes)s min",
                condition.fails,
                minutes=number(condition.minutes),
            )
        case FailRate(baseline=None):
            return words._(
                "Fail rate %(factor)s times that of the %(hours)s h before, over %(minutes)s min",
                factor=number(condition.factor),
                hours=number(condition.baseline_hours),
                minutes=number(condition.minutes),
            )
        case FailRate():
            return words._(
                "Fail rate %(factor)s times %(baseline)s, over %(minutes)s min",
                factor=number(condition.factor),
                baseline=words.percent(condition.baseline),
                minutes=number(condition.minutes),
            )
        case SameRegion():
            return words.ngettext(
                "%(num)s failed part damaged at the same place",
                "%(num)s failed parts in a row damaged at the same place",
                condition.parts,
            )
        case NoPhotos():
            return words._("No photo for %(minutes)s min", minutes=number(condition.minutes))
        case NoVerdicts():
            return words._("No verdict for %(minutes)s min", minutes=number(condition.minutes))
        case DeadLetters():
            return words.ngettext(
                "%(num)s photo that cannot be judged within %(minutes)s min",
                "%(num)s photos that cannot be judged within %(minutes)s min",
                condition.letters,
                minutes=number(condition.minutes),
            )
        case FaultRaised():
            named = ", ".join(words._(FAULTS[kind]) for kind in condition.kinds)
            return named or words._("Any fault of Linegate")


def hours(active: ActiveHours, words: Words) -> str:
    """Hours in words, e.g. `Mon-Fri 06:00-14:00 (Europe/Berlin)`, with dashes for ranges."""
    days = [day for day in WEEK if day in active.days]
    said = [words._(DAYS[day]) for day in days]
    first = WEEK.index(days[0])
    in_a_row = len(days) > 2 and WEEK[first : first + len(days)] == tuple(days)
    told = words._("daily") if len(days) == len(WEEK) else f"{said[0]}{TO}{said[-1]}" if in_a_row else ", ".join(said)
    if active.begin == active.end:
        return f"{told} ({active.zone})"
    return f"{told} {active.begin:%H:%M}{TO}{active.end:%H:%M} ({active.zone})"
