"""Until when everything that came is known to be dealt with. Pure but for the queues that it asks.

A moment is settled once every queue behind it, one after the other, has let pass what stood in it: then whatever was
in the first queue at that moment has gone through all of them. So it stands still while something waits, and runs a
little behind the present on a busy line.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

Ends = Mapping[int, int]
"""By partition: one past its last record."""


class Queue(Protocol):
    """A topic, and the group that works it off."""

    def ends(self) -> Ends:
        """Where it ends now.

        Raises:
            KafkaFailedError: Kafka does not answer.
        """
        ...

    def passed(self, ends: Ends) -> bool:
        """Whether the group is done with everything before `ends`. Raises as `ends` does."""
        ...


class Settled:
    """Follows one chain of queues.

    Args:
        queues: in the order in which a photo goes through them.
    """

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = tuple(queues)
        self._moment: datetime | None = None
        self._asked: datetime | None = None
        """The moment that is being followed."""
        self._queue = 0
        self._ends: Ends = {}

    @property
    def moment(self) -> datetime | None:
        """The latest that is settled; None while none is known to be."""
        return self._moment

    def look(self, at: datetime) -> datetime | None:
        """Ask the queues; answers the latest settled moment.

        Args:
            at: the present.

        Raises:
            KafkaFailedError: Kafka does not answer; what is known stays.
        """
        if self._asked is None:
            ends = self._queues[0].ends()
            self._asked, self._queue, self._ends = at, 0, ends
        while self._queues[self._queue].passed(self._ends):
            if self._queue + 1 == len(self._queues):
                self._moment, self._asked = self._asked, None
                break
            ends = self._queues[self._queue + 1].ends()
            self._queue, self._ends = self._queue + 1, ends
        return self._moment
