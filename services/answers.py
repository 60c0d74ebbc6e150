"""What became of photos: verdicts and dead letters, read from Kafka on a thread and handed to callbacks.

It belongs to no consumer group and commits nothing: every process that asks sees every answer.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Literal, Self

import structlog

from shared.bus.dead_letter import PREFIX
from shared.bus.envelope import EnvelopeRejected
from shared.bus.errors import KafkaFailedError
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.topics import dead_letter_topic
from shared.errors import LinegateError
from shared.events import Event, PartCrop, PartImage, Verdict

POLL_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 5.0
_IMAGE_HEADER: Final = {dead_letter_topic(PartImage.TOPIC): "ce_id", dead_letter_topic(PartCrop.TOPIC): "ce_image"}
"""Which header of a dead letter names the photo's event."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadPhoto:
    """A photo that was set aside: there will be no verdict."""

    image: str
    reason: str
    topic: str
    """The dead-letter topic that keeps it."""
    plant: str | None
    """As the photo said it, unchecked; None where it did not."""


class AnswerFeed:
    """Reads answers from `start` to `stop`; a context manager does both.

    Kafka may be away at any time, also at the start: the feed goes on when it is back. Partitions that are added to a
    topic are read from the next start on.

    Args:
        bus: how to reach Kafka.
        on_verdict: called with every verdict, on the feed's thread.
        on_dead_letter: likewise with every dead letter of a photo or of its crop.
        since: begin with answers of this time; `latest` begins with those that come from now on.
    """

    def __init__(
        self,
        bus: BusSettings,
        *,
        on_verdict: Callable[[Verdict], None],
        on_dead_letter: Callable[[DeadPhoto], None],
        since: datetime | Literal["latest"] = "latest",
    ) -> None:
        self._bus = bus
        self._on_verdict = on_verdict
        self._on_dead_letter = on_dead_letter
        self._since = since
        self._stop = threading.Event()
        self._current = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)

    @property
    def current(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._current.is_set()

    @property
    def running(self) -> bool:
        """Whether it reads. Only a fault, which is logged, ends that before `stop` does."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    def stop(self) -> None:
        """End reading. A thread that hangs in a call to an absent Kafka is left to end with the process."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def wait_current(self, timeout: float) -> None:
        """Return once `current`: answers to photos sent afterwards cannot be missed.

        Raises:
            LinegateError: not within `timeout` seconds.
        """
        if not self._current.wait(timeout):
            raise LinegateError(
                f"Kafka at {self._bus.bootstrap_servers} could not be read within {timeout:.0f} s",
                hint="is it running, and do the topics exist? `linegate doctor` tells",
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        if (reader := self._opened()) is None:
            return
        with reader:
            try:
                for read in reader.read_to_end():
                    self._hand_on(*read)
                self._current.set()
                while not self._stop.is_set():
                    if (found := reader.poll(POLL_SECONDS)) is not None:
                        self._hand_on(*found)
            except KafkaFailedError as error:
                # Not begun anew: whoever counts answers must not miss some, or see some twice, without knowing.
                _log.error("stopped reading answers", error=str(error), hint=error.hint)

    def _opened(self) -> EventReader | None:
        """A reader, as soon as Kafka answers; None where the feed is stopped before that."""
        while not self._stop.is_set():
            try:
                return EventReader(self._bus, (Verdict,), start=self._since, dead_letters_of=(PartImage, PartCrop))
            except KafkaFailedError as error:
                _log.warning("cannot read answers yet", error=str(error), hint=error.hint)
                self._stop.wait(RETRY_SECONDS)
        return None

    def _hand_on(self, record: Record, event: Event | EnvelopeRejected) -> None:
        if record.topic in _IMAGE_HEADER:
            if (letter := dead_photo(record)) is not None:
                self._on_dead_letter(letter)
        elif isinstance(event, Verdict):
            self._on_verdict(event)
        elif isinstance(event, EnvelopeRejected):
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            _log.warning("not a verdict", record=place, reason=event.reason)


def dead_photo(record: Record) -> DeadPhoto | None:
    """The photo that a dead letter is about; None where it never said its id."""
    values = {name.lower(): (data or b"").decode(errors="replace") for name, data in record.headers}
    image = values.get(_IMAGE_HEADER[record.topic])
    if not image:
        return None
    reason = values.get(f"{PREFIX}reason", "no reason given")
    return DeadPhoto(image, reason, record.topic, values.get("ce_plant") or None)
