"""The shape of a worker's work: a pure function from a batch of events to one result each.

A step knows neither Kafka nor Redis. It may not raise for bad input: it answers `DeadLetter` for that one event. It
may raise for our own faults (a bug, a device that died): the loop then aborts the transaction and nothing is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shared.events import Event


@dataclass(frozen=True, slots=True)
class Emit:
    """Publish these events, each on its type's topic. An empty tuple means: done, nothing to say."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """This event can never be processed. It is kept, byte for byte, with the reason."""

    reason: str
    """One line that says what is wrong and what to do about it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now: a thing of ours is away (store, registry). The event waits; its partition is held back."""

    reason: str


Result = Emit | DeadLetter | Retry
InT_contra = TypeVar("InT_contra", bound=Event, contravariant=True)


class Step(Protocol[InT_contra]):
    """`step(batch)` answers one result per event, in order. Every step passes `tests/unit/conformance.py`."""

    def __call__(self, batch: Sequence[InT_contra], /) -> Sequence[Result]:
        """Process `batch`; `len(results) == len(batch)`, and no event's result depends on another event."""
        ...
