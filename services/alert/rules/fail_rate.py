"""More parts fail than is usual, and more than chance explains. Pure.

The test is the exact one-sided binomial test (Clopper and Pearson 1934): the chance of so many failures or more, by the
binomial distribution itself (`scipy.special.bdtrc`, which starts faster than `scipy.stats`). Windows end at whole
stretches, at least ten of them to a window, and are decided once nothing older can come.

Who looks sixty times an hour sees luck more often than who looks once. So the chance that is left is shared among the
looks within one window (Bonferroni): it is that of a false alarm within one window's length, not of one look.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from scipy.special import bdtrc

from services.alert.observation import Observation, milliseconds, moment
from services.alert.rules.words import length, window
from services.alert.series.series import Keep, Tallies, Tally
from shared.alerts.conditions import FailRate
from shared.alerts.records import EVIDENCE_KEPT, Group, Trigger

_MINUTE: Final = timedelta(minutes=1)
_MOST_HORIZON: Final = timedelta(hours=1)
"""Counts need no observations, so these are kept only to know what was counted."""


class HighRate(NamedTuple):
    """A window in which too many parts failed."""

    end: datetime
    found: Tally
    usual: float
    """The rate that it is held against."""
    chance: float
    """How often so many would fail at the usual rate."""


def keep(condition: FailRate) -> Keep:
    """What is needed of a series."""
    whole = window(condition.minutes)
    past = timedelta() if condition.baseline is not None else timedelta(hours=condition.baseline_hours)
    return Keep(
        horizon=min(whole, _MOST_HORIZON),
        fine=stretch(condition),
        coarse=_MINUTE,
        past=past + whole,
        closes=True,
    )


def stretches(condition: FailRate) -> int:
    """How many stretches make a window: of a minute at most, and of a second at least."""
    seconds = condition.minutes * 60
    if seconds >= 600:
        return -int(-seconds // 60)
    return 10 if seconds >= 10 else max(1, int(seconds))


def stretch(condition: FailRate) -> timedelta:
    """The width of one, in whole milliseconds."""
    return timedelta(milliseconds=max(1, round(condition.minutes * 60_000 / stretches(condition))))


def decidable(condition: FailRate, before: datetime) -> datetime:
    """The end of the last stretch that lies before a moment as a whole."""
    width = stretch(condition) // timedelta(milliseconds=1)
    return moment(milliseconds(before) // width * width)


def needed_from(condition: FailRate, until: datetime) -> tuple[int, int]:
    """The first fine and the first coarse stretch that windows which end after `until` still need."""
    begin = until - window(condition.minutes)
    return _number(begin, stretch(condition)), _number(begin - timedelta(hours=condition.baseline_hours), _MINUTE)


def high_rates(condition: FailRate, fine: Tallies, coarse: Tallies, since: datetime, until: datetime) -> list[HighRate]:
    """The windows that end after `since` and not after `until`, hold a part in their last stretch, and are too high.

    Args:
        condition: how long, how many, how high, how sure.
        fine: parts by stretches of the window.
        coarse: parts by minutes of the past.
        since: what ended not after it was decided on.
        until: a whole stretch's end; nothing before it can come any more.
    """
    width, many = stretch(condition), stretches(condition)
    found = []
    for number in sorted(fine):
        end = moment((number + 1) * (width // timedelta(milliseconds=1)))
        if not since < end <= until or not fine[number].parts:
            continue
        seen = _sum(fine, range(number - many + 1, number + 1))
        if seen.parts < condition.parts or not seen.fails:
            continue
        usual = _usual(condition, coarse, end - many * width)
        if usual is None or seen.fails < condition.factor * usual * seen.parts:
            continue
        chance = float(bdtrc(seen.fails - 1, seen.parts, usual))
        if chance * many <= 1 - condition.confidence:
            found.append(HighRate(end, seen, usual, chance))
    return found


def trigger(
    high: HighRate, condition: FailRate, group: Group, where: str, latest: Sequence[Observation] = ()
) -> Trigger:
    """The trigger of a window.

    Args:
        high: the window.
        condition: of the subscription.
        group: of the subscription.
        where: for people.
        latest: observations before its end, oldest first: the failed ones are shown.
    """
    seen = high.found
    summary = (
        f"{seen.fails / seen.parts:.1%} of {seen.parts} parts failed at {where} within {length(condition.minutes)}; "
        f"usual is {high.usual:.1%}, chance {_chance(high.chance)}"
    )
    failed = [one.evidence for one in reversed(latest) if one.failed]
    return Trigger(
        id=f"rate {milliseconds(high.end)}",
        group=group,
        summary=summary,
        time=high.end,
        evidence=tuple(failed[:EVIDENCE_KEPT]),
    )


def _usual(condition: FailRate, coarse: Tallies, begin: datetime) -> float | None:
    """The rate before a window; None where too few parts are known to say.

    Of the past it is Laplace's estimate (fails + 1) / (parts + 2): a past without a failure does not make the first
    one beyond chance.
    """
    if condition.baseline is not None:
        return condition.baseline
    last = _number(begin, _MINUTE)
    past = _sum(coarse, range(last - round(condition.baseline_hours * 60), last))
    return None if past.parts < condition.parts else (past.fails + 1) / (past.parts + 2)


def _sum(tallies: Tallies, numbers: range) -> Tally:
    return sum(_within(tallies, numbers), Tally())


def _within(tallies: Tallies, numbers: range) -> Iterable[Tally]:
    # Whichever are fewer.
    if len(numbers) < len(tallies):
        return (tallies[number] for number in numbers if number in tallies)
    return (tally for number, tally in tallies.items() if number in numbers)


def _number(time: datetime, width: timedelta) -> int:
    return milliseconds(time) // (width // timedelta(milliseconds=1))


def _chance(value: float) -> str:
    return "below 0.0001" if value < 1e-4 else f"{value:.2g}"
