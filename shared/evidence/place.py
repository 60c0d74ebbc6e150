"""Which pictures there are of a verdict, and what is needed to find them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, Protocol

EvidenceName = Literal["photo", "crop", "map"]


class Pictured(Protocol):
    """A photo that was judged. A `Verdict` is one."""

    @property
    def plant(self) -> str:
        """The plant."""
        ...

    @property
    def image(self) -> str:
        """Id of the photo's event."""
        ...

    @property
    def captured(self) -> datetime:
        """When the shutter opened."""
        ...

    @property
    def photo(self) -> str | None:
        """Where the photo's record lies in its topic, `partition@offset`."""
        ...

    @property
    def crop(self) -> str | None:
        """Where the crop's record lies."""
        ...


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """A `Pictured` where there is no verdict at hand, e.g. from an alert's evidence or a row of the history."""

    plant: str
    image: str
    captured: datetime
    photo: str | None = None
    """Unknown: only the store is asked."""
    crop: str | None = None


def day_of(captured: datetime) -> date:
    """The day that a photo's evidence and history are kept under: that of the shutter, in UTC."""
    return captured.astimezone(UTC).date()
