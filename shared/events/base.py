"""The shape of every event: an immutable pydantic model that travels as one CloudEvent (CloudEvents 1.0).

Two families share one identity (`PartEvent`):

- *JSON events* (a verdict): the fields are the data, `application/json`.
- *Pixel events* (a photo, a crop): the pixels are the data, so that any Kafka client that can send a JPEG can feed
  the gate; every other field is a CloudEvents extension attribute, one Kafka header each (`ce_plant: munich`).
  Field names are therefore lower-case letters and digits only, as CloudEvents 1.0 section 3.1 asks of attributes.
"""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

CameraKind = Literal["stationary", "mobile"]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""A name in an address: lower-case letters, digits, `.`, `_`, `-`; at most 63 characters."""
PartId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
VersionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,94}$")]
"""A model version's name."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
TraceParent = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""W3C Trace Context, carried as the CloudEvents distributed-tracing extension."""

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)


def _countable(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("the time must lie between the years 1970 and 9998")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_countable)]
"""A time with its offset from UTC, which can be told in any time zone and counted in seconds since 1970."""
_PLAIN: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control characters, as CloudEvents 1.0 section 3.2 asks of attributes: ids are shown on terminals and in logs."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PLAIN)]

RecordAt = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}@[0-9]{1,19}$")]
"""A record's place in its topic: `partition@offset`."""

UNSPECIFIED: Final = "any"
"""The value of an address field that the sender does not know, e.g. the layout of an unread label."""


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def new_event_id() -> str:
    """A fresh random event id."""
    return str(uuid.uuid4())


def derived_event_id(origin: str, purpose: str) -> str:
    """The id of the event that follows from event `origin` for `purpose`: the same again when replayed (UUIDv5)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"io.linegate:{purpose}:{origin}"))


class Model(BaseModel):
    """A value on the wire: immutable, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Place(Model):
    """Where a photo was taken and of what: an ISA-95 address narrowed by layout and camera situation."""

    plant: Slug
    line: Slug
    station: Slug = UNSPECIFIED
    layout: Slug = UNSPECIFIED
    camera: CameraKind = "stationary"


class Event(Model):
    """What every CloudEvent carries."""

    TYPE: ClassVar[str]
    """CloudEvents `type`, versioned: a breaking change is a new type."""
    TOPIC: ClassVar[str]
    """The Kafka topic this type is published on."""

    id: Id = Field(default_factory=new_event_id)
    source: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_PLAIN)] = "/linegate"
    time: Moment = Field(default_factory=now)
    traceparent: TraceParent | None = None
    _lies_at: RecordAt | None = PrivateAttr(None)

    @property
    def record_key(self) -> str:
        """The Kafka record's key: events of one key stay in order."""
        return self.id

    @property
    def lies_at(self) -> RecordAt | None:
        """Where the record lies that a worker's step was handed this event from. Never on the wire."""
        return self._lies_at

    def lying_at(self, partition: int, offset: int) -> Self:
        """This event, as read from a record."""
        found = self.model_copy()
        found._lies_at = f"{partition}@{offset}"  # noqa: SLF001 - a copy of this very event
        return found

    def __eq__(self, other: object) -> bool:
        """What is on the wire makes an event, not where it was read."""
        return type(other) is type(self) and self.__dict__ == other.__dict__

    __hash__ = Model.__hash__


class PartEvent(Event):
    """An event about one photo of one part, with its address."""

    part: PartId
    """The part, e.g. a serial number; also the partition key, so that one part's events stay in order."""
    plant: Slug
    line: Slug
    station: Slug = UNSPECIFIED
    layout: Slug = UNSPECIFIED
    camera: CameraKind = "stationary"
    captured: Moment
    """When the shutter opened, by the camera's clock."""

    @property
    def record_key(self) -> str:
        """The part."""
        return self.part

    @property
    def place(self) -> Place:
        """The address of this event."""
        return Place(plant=self.plant, line=self.line, station=self.station, layout=self.layout, camera=self.camera)

    def carried(self) -> dict[str, Any]:
        """The fields an event derived from this one takes over: the part, its address, its time and its trace."""
        names = ("part", "plant", "line", "station", "layout", "camera", "captured", "traceparent")
        return {name: getattr(self, name) for name in names}


class PixelEvent(PartEvent):
    """A part event whose data is an encoded picture, inline or by reference (CloudEvents `dataref` extension)."""

    mediatype: Literal["image/jpeg", "image/png", "image/tiff", "image/bmp", "image/webp"] | None = None
    """`content-type` of the pixels; None only where there are none."""
    pixels: bytes | None = Field(default=None, exclude=True, repr=False)
    """The encoded picture; the Kafka record's value."""
    dataref: Annotated[str, StringConstraints(max_length=2048)] | None = None
    """URL of the encoded picture where it is too large to travel inline."""
    datasha256: Sha256 | None = None
    datasize: Annotated[int, Field(gt=0)] | None = None
    """Length of the referenced picture in bytes."""

    @model_validator(mode="after")
    def _one_source_of_pixels(self) -> Self:
        if self.pixels is not None and self.dataref is not None:
            raise ValueError("send the pixels inline or by dataref, not both")
        if self.dataref is not None and (self.datasha256 is None or self.datasize is None):
            raise ValueError("a dataref needs datasha256 and datasize, so that the picture can be verified")
        if (self.pixels is not None or self.dataref is not None) and self.mediatype is None:
            raise ValueError("pixels need a mediatype (content-type), e.g. image/jpeg")
        return self
