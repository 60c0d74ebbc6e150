"""The picture of an alert's newest part, as soon as the archive has put it into the store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from shared.alerts.records import Message
from shared.errors import LinegateError
from shared.events import Evidence, now
from shared.evidence import EvidenceShelf, EvidenceUnreadable, day_of, marked, preview, range_of
from shared.settings.sections import ImageSettings
from shared.store.errors import StoreUnavailable

LOOK_SECONDS: Final = 1.0
"""Between two looks for a picture that is on its way."""
LONGEST: Final = 1100
"""Pixels: twice as many as a mail is wide."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a mail.

    Attributes:
        data: encoded.
        kind: its format.
        marked: whether the damage is marked.
    """

    data: bytes
    kind: Literal["png", "jpeg"]
    marked: bool


def expects_picture(message: Message) -> bool:
    """Whether a message is about a part that somebody has to look at now."""
    return bool(message.change.evidence) and message.change.state == "firing"


class Pictures:
    """Finds pictures. Thread-safe.

    Args:
        shelf: where they are.
        limits: on photos.
        wait_s: how long after a message was made its picture may still come.
        clock: the present.
    """

    def __init__(
        self, shelf: EvidenceShelf, limits: ImageSettings, *, wait_s: float, clock: Callable[[], datetime] = now
    ) -> None:
        self._shelf = shelf
        self._limits = limits
        self._wait = timedelta(seconds=wait_s)
        self._clock = clock

    def of(self, message: Message, since: datetime) -> Picture | datetime | None:
        """The picture of a message.

        Args:
            message: which.
            since: when it was made or put back.

        Returns:
            When to look again, where it may still come; None where there is none, or none came in time.
        """
        if not message.change.evidence:
            return None
        newest = message.change.evidence[0]
        try:
            found = self._marked(newest) or self._photo(newest)
        except (StoreUnavailable, EvidenceUnreadable, LinegateError) as error:
            _log.warning("a picture cannot be shown", image=newest.image, reason=str(error))
            found = None
        at, deadline = self._clock(), since + self._wait
        if found is None and expects_picture(message) and at < deadline:
            return min(deadline, at + timedelta(seconds=LOOK_SECONDS))
        return found

    def _marked(self, of: Evidence) -> Picture | None:
        crop = self._get(of, "crop")
        if crop is None:
            return None
        heat = self._get(of, "map")
        scale = None if heat is None else range_of(heat, of.threshold)
        return Picture(marked(crop, map_png=heat, peak=of.peak, scale=scale), "png", marked=of.peak is not None)

    def _photo(self, of: Evidence) -> Picture | None:
        """The photo itself, of a part of which no crop was made."""
        if of.score is not None:
            return None
        photo = self._get(of, "photo")
        return None if photo is None else Picture(preview(photo, self._limits, longest=LONGEST), "jpeg", marked=False)

    def _get(self, of: Evidence, name: Literal["photo", "crop", "map"]) -> bytes | None:
        return self._shelf.get(of.plant, day_of(of.captured), of.image, name)
