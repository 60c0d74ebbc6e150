"""Send the live photos through the gateway, as a camera PC would: HTTP POST, one id per photo."""

import mimetypes
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from deploy.demo.plan import DemoPlant
from services.replay.photos import find_photos
from services.tally import Tally
from shared.errors import LinegateError
from shared.events import new_event_id

SENDERS: Final = 4
"""Concurrent posts, so that a slow acknowledgement does not stretch the rate."""
ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class LivePhoto:
    """One photo to send, and what is known of it."""

    id: str
    path: Path
    part: str
    plant: DemoPlant
    damaged: bool


def live_photos(plants: Sequence[DemoPlant], folder: Path) -> list[LivePhoto]:
    """The plants' photos, taken in turn as their lines run beside each other."""
    lines = [list(_of(plant, folder)) for plant in plants]
    return [photo for turn in zip(*lines, strict=True) for photo in turn]


def send(photos: Sequence[LivePhoto], gateway: httpx.Client, rate: float, tally: Tally, lock: threading.Lock) -> None:
    """Post every photo to `gateway` at `rate` per second and book it in the tally before it leaves.

    Raises:
        LinegateError: the gateway refused a photo; the demo's photos are all valid.
    """
    started = time.monotonic()
    with gateway as client, ThreadPoolExecutor(SENDERS) as senders:
        posts = []
        for number, photo in enumerate(photos):
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            posts.append(senders.submit(_booked, client, photo, tally, lock))
        for posted in posts:
            posted.result()


def post(client: httpx.Client, photo: LivePhoto) -> None:
    """Post one photo.

    Raises:
        LinegateError: the gateway refused it.
        httpx.TransportError: the gateway does not answer.
    """
    _post(client, photo, photo.path.read_bytes())


def _of(plant: DemoPlant, folder: Path) -> Iterator[LivePhoto]:
    for photo in find_photos(str(folder / plant.name / "live")):
        yield LivePhoto(new_event_id(), photo.path, photo.part, plant, photo.label == "bad")


def _booked(client: httpx.Client, photo: LivePhoto, tally: Tally, lock: threading.Lock) -> None:
    content = photo.path.read_bytes()
    with lock:
        tally.sent(photo.id, at=time.monotonic(), label="bad" if photo.damaged else "good")
    _post(client, photo, content)


def _post(client: httpx.Client, photo: LivePhoto, content: bytes) -> None:
    answer = client.post(
        "/v1/images",
        params={
            "part": photo.part,
            "plant": photo.plant.name,
            "line": photo.plant.line,
            "layout": photo.plant.layout,
            "camera": photo.plant.camera,
            "captured": datetime.now(UTC).isoformat(),
        },
        headers={
            "content-type": mimetypes.guess_type(photo.path.name)[0] or "application/octet-stream",
            "idempotency-key": photo.id,
        },
        content=content,
        timeout=ANSWER_SECONDS,
    )
    if answer.status_code != httpx.codes.ACCEPTED:
        raise LinegateError(f"the gateway answered {answer.status_code} to {photo.path.name}: {answer.text}")
