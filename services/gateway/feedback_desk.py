"""Publish what people found, once: a request that repeats the last word on a photo is not published again."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.submissions import Acknowledgement, BacklogError
from shared.events import Feedback


@dataclass(frozen=True, slots=True)
class _Word:
    feedback: Feedback
    acknowledged: Acknowledgement

    def repeats(self, other: Feedback) -> bool:
        """Whether `other` says the same, by the same person, of the same photo."""
        return _said(self.feedback) == _said(other) and not self._failed

    @property
    def _failed(self) -> bool:
        return self.acknowledged.done() and self.acknowledged.exception() is not None


class FeedbackDesk:
    """Takes feedback to Kafka. Of one event loop.

    The last word on each of the latest photos is remembered. A retry that comes after somebody else's word is a new
    one, and so is any retry at another gateway: that changes the order of words, and makes no second label.

    Args:
        publish: hands an event to Kafka.
        capacity: photos whose last word is remembered.
        backlog: events that may be on their way at once.
    """

    def __init__(self, publish: Callable[[Feedback], Acknowledgement], *, capacity: int, backlog: int) -> None:
        self._publish = publish
        self._capacity = capacity
        self._backlog = backlog
        self._under_way: list[Acknowledgement] = []
        self._words: OrderedDict[tuple[str, str], _Word] = OrderedDict()
        """By plant and photo."""

    async def give(self, feedback: Feedback, *, timeout_s: float) -> Feedback:
        """Return once Kafka holds it: `feedback`, or the word that it repeats, whose fate it shares.

        Args:
            feedback: the word.
            timeout_s: seconds to wait for the acknowledgement.

        Raises:
            BacklogError: nothing was published; come again later.
            TimeoutError: no acknowledgement in time; it may still arrive, and a repetition then waits for it.
            Exception: what the publisher raised; a repetition is a new attempt.
        """
        key = (feedback.plant, feedback.image)
        word = self._words.get(key)
        if word is None or not word.repeats(feedback):
            self._under_way = [one for one in self._under_way if not one.done()]
            if len(self._under_way) >= self._backlog:
                raise BacklogError
            word = self._words[key] = _Word(feedback, self._publish(feedback))
            self._words.move_to_end(key)
            self._under_way.append(word.acknowledged)
            if len(self._words) > self._capacity:
                self._words.popitem(last=False)
        # Shielded: a client that hangs up must not cancel the attempt for its own retry.
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(word.acknowledged)), timeout_s)
        return word.feedback


def _said(feedback: Feedback) -> tuple[object, ...]:
    return feedback.finding, feedback.note, feedback.by, feedback.part, feedback.place
