"""The order in which jobs that wait are begun."""

from typing import Final

from shared.events import TrainingRequest

PRIORITIES: Final = 10
_ORDER_STEP: Final = 10**13
"""Milliseconds until the year 2286, so that a greater priority goes before any age; a double holds it exactly."""


def order_of(request: TrainingRequest) -> str:
    """Where a job stands in the queue, as a number: the least goes first. By priority, then by age."""
    age = min(int(request.time.timestamp() * 1000), _ORDER_STEP - 1)
    return str((PRIORITIES - 1 - request.priority) * _ORDER_STEP + age)
