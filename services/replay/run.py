"""One replay: photos out by a steady clock, answers in, everything counted."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Protocol

from services.photo_event import photo_event
from services.replay.photos import Photo
from services.tally import Summary, Tally
from shared.errors import LinegateError
from shared.events import PartImage, Place, Verdict, new_event_id

RECENT: Final = 12
"""Verdicts shown while running."""
SETTLE_SECONDS: Final = 2.0
"""After the last answer, how long to listen for one too many."""
TICK_SECONDS: Final = 0.1


class Publisher(Protocol):
    """What a replay needs of `shared.bus.publisher.EventPublisher`."""

    def publish(self, event: PartImage, /) -> Future[Any]:
        """Hand `event` to Kafka; the future resolves when the broker holds it."""
        ...


class Run:
    """The state of a replay. Answers come in on a reader's thread while the caller's thread sends and waits.

    Args:
        photos: what to send, in this order.
        place: the address, where a photo does not know better.
        publisher: takes photos to Kafka.
        clock: monotonic seconds.
    """

    def __init__(
        self, photos: Sequence[Photo], place: Place, publisher: Publisher, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._photos = photos
        self._place = place
        self._publisher = publisher
        self._clock = clock
        self._lock = threading.Lock()
        self._tally = Tally()
        self._sent: dict[str, Photo] = {}
        self._refusals: dict[str, str] = {}
        self._recent: deque[Verdict] = deque(maxlen=RECENT)
        self._last_answer = clock()

    def send(self, *, rate: float, stop: threading.Event) -> None:
        """Send every photo, the n-th at n / `rate` seconds from the start, or as soon after as it can be read.

        Returns early once `stop` is set. A photo that cannot be read counts as refused.
        """
        start = self._clock()
        for index, photo in enumerate(self._photos):
            if stop.wait(max(0.0, start + index / rate - self._clock())):
                return
            try:
                event = photo_event(
                    photo.path, part=photo.part, place=self._place, layout=photo.layout, camera=photo.camera
                )
            except LinegateError as error:
                image = new_event_id()
                self._book(image, photo)
                self._refuse(image, str(error))
            else:
                self._book(event.id, photo)
                self._hand_over(event)

    def wait(self, *, patience: float, stop: threading.Event, settle: float = SETTLE_SECONDS) -> None:
        """Wait until every photo is answered, then `settle` seconds more for answers too many.

        Gives up once nothing was sent or answered for `patience` seconds, or `stop` is set.
        """
        while True:
            with self._lock:
                outstanding, quiet = self._tally.outstanding, self._clock() - self._last_answer
            if not outstanding or quiet >= patience:
                break
            if stop.wait(TICK_SECONDS):
                return
        stop.wait(settle)

    def on_verdict(self, verdict: Verdict) -> None:
        """A verdict arrived. Any thread."""
        with self._lock:
            self._tally.verdict(verdict, at=self._clock())
            if verdict.image in self._sent:
                self._recent.append(verdict)
                self._last_answer = self._clock()

    def on_dead_letter(self, image: str, reason: str) -> None:
        """A photo was set aside. Any thread."""
        with self._lock:
            self._tally.dead_letter(image, reason)
            if image in self._sent:
                self._last_answer = self._clock()

    def summary(self) -> Summary:
        """The account so far."""
        with self._lock:
            return self._tally.summary()

    def recent(self) -> list[Verdict]:
        """The latest verdicts, oldest first."""
        with self._lock:
            return list(self._recent)

    def rows(self) -> list[dict[str, Any]]:
        """One JSON-ready row per photo sent: the file, its label, and what became of it."""
        with self._lock:
            verdicts, dead = self._tally.verdicts(), self._tally.reasons()
            return [
                {
                    "photo": str(photo.path),
                    "image": image,
                    "part": photo.part,
                    "label": photo.label,
                    "answer": _answer(image in verdicts, image in dead, image in self._refusals),
                    "reason": dead.get(image) or self._refusals.get(image),
                    "seconds": self._tally.latency(image),
                    "verdict": verdicts[image].model_dump(mode="json") if image in verdicts else None,
                }
                for image, photo in self._sent.items()
            ]

    def _book(self, image: str, photo: Photo) -> None:
        with self._lock:
            self._sent[image] = photo
            self._tally.sent(image, at=self._clock(), label=photo.label)
            self._last_answer = self._clock()

    def _hand_over(self, event: PartImage) -> None:
        def done(future: Future[Any]) -> None:
            if (error := future.exception()) is not None:
                self._refuse(event.id, str(error))

        self._publisher.publish(event).add_done_callback(done)

    def _refuse(self, image: str, reason: str) -> None:
        with self._lock:
            self._tally.refused(image)
            self._refusals[image] = reason


def _answer(judged: bool, dead: bool, refused: bool) -> str:
    return "verdict" if judged else "dead letter" if dead else "refused" if refused else "missing"
