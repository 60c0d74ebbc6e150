"""What each condition needs of a series. Pure."""

from services.alert.observation import Observation
from services.alert.rules import crowd, fail_rate, same_region
from services.alert.rules.words import window
from services.alert.series.series import Keep
from shared.alerts.conditions import Condition, FailRate, FailsInWindow, SameRegion


def keep_of(condition: Condition, seen: Observation) -> Keep | None:
    """How `seen` is kept for a condition; None where it is not."""
    match condition:
        case FailsInWindow() if seen.failed:
            return crowd.keep(window(condition.minutes))
        case FailRate():
            return fail_rate.keep(condition)
        case SameRegion():
            return same_region.keep()
    return None
