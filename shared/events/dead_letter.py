"""What people decide about dead letters: each one settled once, and whether a topic may take more of them.

Both lie on compacted topics: the last word on each key is kept for ever.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.events.base import Event

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
RecordPlace = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}/\d+/\d+$")]
"""`<topic>/<partition>/<offset>`."""
Author = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Note = Annotated[str, StringConstraints(max_length=1024)]


class DeadLetterSettled(Event):
    """A dead letter is done with: its record was sent again, or it was given up."""

    TYPE: ClassVar[str] = "io.linegate.deadletter.settled.v1"
    TOPIC: ClassVar[str] = "linegate.dlq.settled"

    letter: RecordPlace
    """Where the dead letter lies."""
    origin: RecordPlace
    """Where the record lay that became the letter."""
    action: Literal["replayed", "dropped"]
    by: Author
    note: Note | None = None
    """Why, in the words of whoever settled it."""
    replayed_to: RecordPlace | None = None
    """Where the record lies now; None where it was dropped."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """How often the record had been tried when it became this letter."""

    @property
    def record_key(self) -> str:
        """The letter: compaction keeps what was decided about each."""
        return self.letter


class DeadLetterStop(Event):
    """Whether a dead-letter topic takes letters: a worker stops a flood of them, a person lets them go on."""

    TYPE: ClassVar[str] = "io.linegate.deadletter.stop.v1"
    TOPIC: ClassVar[str] = "linegate.dlq.stops"

    topic: TopicName
    """The dead-letter topic."""
    stopped: bool
    by: Author
    """The worker that stopped it, or who lets it go on."""
    note: Note | None = None

    @property
    def record_key(self) -> str:
        """The dead-letter topic: compaction keeps the last word on each."""
        return self.topic
