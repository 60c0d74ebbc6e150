"""What each condition needs of a series. Pure."""

from datetime import timedelta

from services.alert.observation import Observation
from services.alert.rules import crowd
from services.alert.rules.words import window
from services.alert.series import Keep
from shared.alerts.conditions import Condition, FailsInWindow


def keep_of(condition: Condition, seen: Observation, lateness: timedelta) -> Keep | None:
    """How `seen` is kept for a condition; None where it is not."""
    match condition:
        case FailsInWindow() if seen.failed:
            return crowd.keep(window(condition.minutes), lateness)
    return None
