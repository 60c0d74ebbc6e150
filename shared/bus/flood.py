"""The limit on dead letters: too many in a minute stop their topic, until a person has looked.

The stop is a record of its own (`DeadLetterStop`), written in the transaction that reaches the limit. So it outlives
the worker: one that is started again, or another of its group, writes no letter there either, and what would become
one waits in its partition. Otherwise a worker that a supervisor keeps starting would set a whole topic aside, a
minute's allowance at a time.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.bus.offsets import Placed
from shared.bus.processing import Outcome, Wait
from shared.bus.reader import EventReader
from shared.bus.record import PartitionId
from shared.bus.settings import BusSettings
from shared.events import DeadLetterStop

LOOK_SECONDS: Final = 1.0
RESUME_HINT: Final = "nothing is lost: look with `linegate dlq list`, mend the sender, then `linegate dlq resume {}`"


class FloodGuard:
    """Counts dead letters over the last minute.

    Args:
        limit: the most in any 60 seconds; 0 for no limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self._times: deque[float] = deque()

    def left(self, *, now: float) -> int | None:
        """How many more may be written at `now` (monotonic seconds); None for any number."""
        while self._times and self._times[0] <= now - 60.0:
            self._times.popleft()
        return max(0, self.limit - len(self._times)) if self.limit else None

    def wrote(self, count: int, *, now: float) -> None:
        """Account for `count` letters that were committed."""
        if self.limit:
            self._times.extend([now] * count)


@dataclass(frozen=True, slots=True)
class Refused:
    """Which dead letters may not be written."""

    waiting: dict[int, Wait]
    """Index of the result -> why it waits. Behind it in its partition nothing is looked at: it waits as well."""
    flooded: str | None
    """The dead-letter topic whose limit is reached with these results; None where none is."""


def refuse(
    results: Sequence[tuple[Placed, Outcome]], *, left: int | None, stopped: dict[str, DeadLetterStop]
) -> Refused:
    """Look for dead letters that may not be written.

    Args:
        results: in order; each partition's offsets ascend.
        left: how many letters may still be written now; None for any number.
        stopped: dead-letter topic -> why it takes none.
    """
    waiting: dict[int, Wait] = {}
    flooded: str | None = None
    held: set[PartitionId] = set()
    for index, (placed, outcome) in enumerate(results):
        if placed.partition_id in held:
            continue
        if isinstance(outcome, Wait):
            held.add(placed.partition_id)
        elif outcome.dead:
            topic = outcome.records[0].topic
            if (stop := stopped.get(topic)) is not None:
                reason = (
                    f"{topic} takes no dead letters since {stop.time:%Y-%m-%d %H:%M:%S} UTC ({stop.by}: {stop.note})"
                )
                waiting[index] = Wait(f"{reason}; {RESUME_HINT.format(topic)}")
            elif left == 0:
                flooded = flooded or topic
                waiting[index] = Wait("too many dead letters")
            else:
                left = left if left is None else left - 1
                continue
            held.add(placed.partition_id)
    return Refused(waiting, flooded)


class StopBoard:
    """Which dead-letter topics take no letters, as all workers know it. Used from the loop's thread only.

    Args:
        settings: of the bus.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._settings: Final = settings
        self._reader: EventReader | None = None
        self._stops: dict[str, DeadLetterStop] = {}
        self._looked = 0.0

    def open(self) -> None:
        """Read what is known so far.

        Raises:
            KafkaFailedError: Kafka does not answer, or the topic does not exist.
        """
        self._reader = EventReader(self._settings, (DeadLetterStop,), start="earliest")
        for _, event in self._reader.read_to_end(patience=self._settings.call_budget_s):
            self._note(event)

    def look(self, *, now: float) -> None:
        """Take in what was decided meanwhile, once a second; never waits."""
        if self._reader is None or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        while (read := self._reader.poll(0.0)) is not None:
            self._note(read[1])

    @property
    def stopped(self) -> dict[str, DeadLetterStop]:
        """Dead-letter topic -> the word that stopped it."""
        return self._stops

    def close(self) -> None:
        """End."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _note(self, event: object) -> None:
        if isinstance(event, DeadLetterStop):
            if event.stopped:
                self._stops[event.topic] = event
            else:
                self._stops.pop(event.topic, None)
