"""From an upload to the event: identity, address and picture, each checked."""

import hashlib
from datetime import datetime
from typing import Annotated, Final, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.gateway.problems import FieldError, ProblemError, field_errors
from services.gateway.upload import UNDECLARED, Upload, invalid, unsupported
from services.photo_header import PhotoHeader, TooManyPixelsError, UnknownPictureError, read_header
from shared.events import UNSPECIFIED, CameraKind, PartImage
from shared.events.base import Moment, PartId, Slug

SOURCE: Final = "/linegate/gateway"
ImageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
"""An id that is safe in a URL's path and a Kafka header."""


class PhotoFields(BaseModel):
    """What a client says about its photo."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: PartId = Field(description="The part, e.g. a serial number or VIN.", examples=["4711-000123"])
    plant: Slug = Field(description="The plant (ISA-95 site).", examples=["munich"])
    line: Slug = Field(description="The line.", examples=["line-1"])
    station: Slug = Field(UNSPECIFIED, description="The station on the line.", examples=["st-40"])
    layout: Slug = Field(UNSPECIFIED, description="The label's layout, where it is known.", examples=["us"])
    camera: CameraKind = Field("stationary", description="The imaging situation.")
    captured: Moment | None = Field(
        None,
        description="When the shutter opened, RFC 3339 with an offset; the time of receipt where it is left out. "
        "Write a + as %2B in a query.",
        examples=["2025-03-01T06:30:00Z"],
    )
    id: ImageId | None = Field(
        None,
        description="The photo's id, which a retry repeats; the same as the Idempotency-Key header. A random UUID "
        "where both are left out.",
        examples=["7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10"],
    )


def read_fields(upload: Upload, idempotency_key: str | None) -> PhotoFields:
    """Check the fields; the header `Idempotency-Key` is another way to give the id.

    Raises:
        ProblemError: 422 with one entry per wrong field.
    """
    given = dict(upload.fields)
    if idempotency_key is not None:
        key = idempotency_key.strip().strip('"')  # the IETF draft writes the key as a quoted string
        if given.setdefault("id", key) != key:
            raise invalid(
                [FieldError(field="id", message="differs from the Idempotency-Key header")], "Give only one of the two."
            )
    try:
        return PhotoFields.model_validate(given)
    except ValidationError as error:
        errors = field_errors(error.errors())
        raise invalid(errors, _hint(errors)) from None


def check_picture(upload: Upload, *, max_pixels: int) -> tuple[PhotoHeader, str]:
    """The picture's header and the sha256 of its bytes; takes some milliseconds, so call it off the event loop.

    Raises:
        ProblemError: 415 when it is no picture we take or not the one declared, 422 when it is empty or too big.
    """
    if not upload.pixels:
        raise invalid(
            [FieldError(field="file", message="the photo is empty")], "Send the photo's bytes as the request body."
        )
    try:
        header = read_header(upload.pixels, max_pixels=max_pixels)
    except UnknownPictureError as error:
        raise unsupported(f"The photo cannot be read: {error}.", "Send a JPEG, PNG, TIFF, BMP or WebP file.") from None
    except TooManyPixelsError as error:
        raise ProblemError(
            422,
            "too-many-pixels",
            "The photo has too many pixels",
            detail=f"{error}.",
            hint="Lower the camera's resolution; the limit is the setting images.max_pixels.",
        ) from None
    if upload.declared not in UNDECLARED and upload.declared != header.mediatype:
        raise unsupported(
            f"The photo is declared as {upload.declared} but its content is {header.mediatype}.",
            f"Send Content-Type: {header.mediatype}.",
        )
    return header, hashlib.sha256(upload.pixels).hexdigest()


def part_image(
    fields: PhotoFields, image: str, pixels: bytes, header: PhotoHeader, *, received: datetime, traceparent: str | None
) -> PartImage:
    """The event."""
    return PartImage(
        **fields.model_dump(exclude={"id", "captured"}),
        id=image,
        source=SOURCE,
        time=received,
        captured=fields.captured or received,
        mediatype=header.mediatype,
        pixels=pixels,
        traceparent=traceparent,
    )


def fingerprint(fields: PhotoFields, digest: str) -> str:
    """Equal for equal requests, whatever their id: what tells a retry from an id used twice."""
    return fields.model_dump_json(exclude={"id"}) + digest


def _hint(errors: list[FieldError]) -> str:
    names = {error.field for error in errors}
    if unknown := names - PhotoFields.model_fields.keys():
        known = ", ".join(PhotoFields.model_fields)
        return f"There is no field {', '.join(sorted(unknown))}; the fields are {known}."
    name = min(names)
    if name == "camera":
        return "camera is stationary or mobile."
    if name == "captured":
        return "captured is RFC 3339 with an offset, e.g. 2025-03-01T06:30:00Z; in a query, write + as %2B."
    if name in ("part", "id"):
        return f"{name} is at most 128 letters, digits, . _ : - (a part also /), e.g. {_example(name)}."
    return f"{name} is a name such as {_example(name)}: lower-case letters, digits, . _ -; at most 63 of them."


def _example(name: str) -> str:
    return cast("str", (PhotoFields.model_fields[name].examples or [""])[0])
