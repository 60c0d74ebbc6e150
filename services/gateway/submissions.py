"""What this gateway has lately handed to Kafka, so that a client's retry does not double a part.

The window is this process's memory: the last `capacity` photos since it started. A retry that reaches another gateway,
or this one after a restart, may be published again under the same event id; its verdicts then name the same image.

Clients choose ids, so two plants may use the same one. Each plant has its own, and whoever may not send for the other
can neither learn of its photos nor take their ids away.
"""

import asyncio
import concurrent.futures
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.events import PartImage

Acknowledgement = concurrent.futures.Future[Any]
Publish = Callable[[PartImage], Acknowledgement]
Visible = Callable[[str], bool]
"""Whether photos of this plant are the caller's business."""


class IdReusedError(Exception):
    """An id came a second time with a different photo or a different address that the caller may know of."""


class BacklogError(Exception):
    """Too much is on its way to Kafka already: it is away, or slower than the photos come."""


@dataclass(frozen=True, slots=True)
class _Submission:
    fingerprint: str
    acknowledged: Acknowledgement


class Submissions:
    """Publishes each id once within the window. Used on the event loop only.

    Args:
        publish: hands an event to Kafka and answers a future that resolves with the broker's acknowledgement.
        capacity: how many ids the window holds.
        backlog: bytes of photos that may be on their way at once. Below what the publisher can queue, so that it
            never blocks the event loop.
    """

    def __init__(self, publish: Publish, *, capacity: int, backlog: int) -> None:
        self._publish = publish
        self._capacity = capacity
        self._backlog = backlog
        self._under_way: list[tuple[Acknowledgement, int]] = []
        self._window: OrderedDict[str, dict[str, _Submission]] = OrderedDict()
        """By image id, then by plant."""

    def knows(self, image: str, visible: Visible) -> bool:
        """Whether `image` of a plant that is `visible` was accepted, or is on its way, within the window."""
        known = self._window.get(image, {})
        return any(visible(plant) and not _failed(one.acknowledged) for plant, one in known.items())

    async def submit(self, event: PartImage, fingerprint: str, *, timeout_s: float, visible: Visible) -> None:
        """Return once Kafka holds `event`. A repetition shares the first one's fate instead of being published.

        Args:
            event: the photo.
            fingerprint: equal for equal content; tells a retry from another photo under the same id.
            timeout_s: seconds to wait for the acknowledgement. The event may still arrive afterwards: a later
                repetition then waits for that same attempt.
            visible: at which other plants the id may not have been used.

        Raises:
            BacklogError: nothing was published; come again later.
            IdReusedError: the id was used for something else.
            TimeoutError: no acknowledgement in time.
            Exception: what the publisher raised; a repetition is a new attempt.
        """
        plants = self._window.get(event.id, {})
        known = plants.get(event.plant)
        if known is not None and known.fingerprint != fingerprint:
            raise IdReusedError(event.id)
        if any(plant != event.plant and visible(plant) for plant in plants):
            raise IdReusedError(event.id)
        if known is None or _failed(known.acknowledged):
            self._check_backlog(event)
            known = _Submission(fingerprint, self._publish(event))
            self._window.setdefault(event.id, {})[event.plant] = known
            self._under_way.append((known.acknowledged, len(event.pixels or b"")))
            self._trim()
        # Shielded: a client that hangs up, or is tired of waiting, must not cancel the attempt for its own retry.
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(known.acknowledged)), timeout_s)

    def _check_backlog(self, event: PartImage) -> None:
        self._under_way = [entry for entry in self._under_way if not entry[0].done()]
        if sum(size for _, size in self._under_way) + len(event.pixels or b"") > self._backlog:
            raise BacklogError

    def _trim(self) -> None:
        while len(self._window) > self._capacity:
            self._window.popitem(last=False)


def _failed(acknowledgement: Acknowledgement) -> bool:
    return acknowledgement.done() and acknowledgement.exception() is not None
