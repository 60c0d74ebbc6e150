"""The HTTP interface: a photo in, a verdict out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Header, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from services.answers import DeadPhoto
from services.gateway import openapi, tracing
from services.gateway.guard import Guard, refuse_foreign_plant
from services.gateway.photo import check_picture, fingerprint, part_image, read_fields
from services.gateway.problems import ProblemError
from services.gateway.refusals import id_reused, kafka_away, no_verdict, set_aside, unavailable
from services.gateway.submissions import BacklogError, IdReusedError, Submissions
from services.gateway.upload import read_upload
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.auth import Permission, Principal
from shared.bus.publisher import PublishFailed
from shared.events import PartImage, Verdict, new_event_id, now
from shared.settings import Settings

UPLOAD_SECONDS: Final = 60
"""A photo must have arrived within this time, so that slow clients cannot occupy every place."""
_log = structlog.get_logger(__name__)


class Accepted(BaseModel):
    """The photo is in Kafka."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="The photo's id.", examples=["7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10"])
    part: str = Field(examples=["4711-000123"])
    verdict: str = Field(
        description="Where the verdict will be: a path on this gateway.",
        examples=["/v1/verdicts/7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10"],
    )


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the routes work with.

    Attributes:
        settings: of the process.
        guard: lets callers in.
        submissions: publishes photos, each id once.
        verdicts: the answers so far.
        reachable: whether Kafka answers; blocks for a moment, so it is called off the event loop.
        current: whether the answers that were in Kafka at the start have been read.
        acknowledge_s: seconds to wait for the broker's acknowledgement before answering 503.
        max_photo_bytes: the largest photo.
        uploads: bounds the photos in memory.
    """

    settings: Settings
    guard: Guard
    submissions: Submissions
    verdicts: VerdictCache
    reachable: Callable[[], bool]
    current: Callable[[], bool]
    acknowledge_s: float
    max_photo_bytes: int
    uploads: asyncio.Semaphore


def v1(gateway: Gateway) -> APIRouter:
    """The routes of clients. They stand in one router, so that a dependency on it guards them all.

    Each names its permission as well. What a permission is given for, a plant, is known only inside.
    """
    router = APIRouter(prefix="/v1", dependencies=[Security(gateway.guard)])
    longest = gateway.settings.gateway.verdict_wait_max_s

    class VerdictQuery(BaseModel):
        model_config = ConfigDict(extra="forbid")

        wait: float = Field(0, ge=0, le=longest, description="Seconds to wait for a verdict that is not there yet.")

    @router.post("/images", status_code=202, **openapi.submit(gateway.max_photo_bytes))
    async def submit(
        request: Request,
        response: Response,
        principal: Annotated[Principal, Security(gateway.guard, scopes=[Permission.SUBMIT_PHOTO])],
        idempotency_key: Annotated[
            str | None, Header(alias="Idempotency-Key", max_length=130, description=openapi.IDEMPOTENCY)
        ] = None,
        traceparent: Annotated[str | None, Header(description="W3C Trace Context; goes along to the verdict.")] = None,
    ) -> Accepted:
        """Take a photo of a part. 202 means that Kafka holds it; the verdict follows at the address in the answer."""
        # Before a byte of the photo is read; a plant that stands in the form is looked at afterwards.
        for plant in request.query_params.getlist("plant"):
            refuse_foreign_plant(request, principal, Permission.SUBMIT_PHOTO, plant)
        if gateway.uploads.locked():
            raise unavailable("too-busy", "The gateway is busy", "Too many uploads at once.", retry_after=1)
        async with gateway.uploads:
            event, mark = await _event(gateway, request, idempotency_key, tracing.traceparent(traceparent))
            refuse_foreign_plant(request, principal, Permission.SUBMIT_PHOTO, event.plant)
            await _publish(gateway, event, mark, principal)
        accepted = Accepted(id=event.id, part=event.part, verdict=f"/v1/verdicts/{quote(event.id)}")
        response.headers["Location"] = accepted.verdict
        return accepted

    @router.get("/verdicts/{image_id:path}", response_model=Verdict, **openapi.VERDICT)
    async def verdict(
        image_id: Annotated[str, Path(min_length=1, max_length=128, description="The photo's id.")],
        query: Annotated[VerdictQuery, Query()],
        principal: Annotated[Principal, Security(gateway.guard, scopes=[Permission.READ_VERDICT])],
    ) -> Response:
        """The verdict on a photo, waiting for it up to `wait` seconds without holding anybody else up.

        A photo of a plant where you may not read is answered as one that does not exist, and as late.
        """
        visible = partial(principal.may, Permission.READ_VERDICT)
        answer = await gateway.verdicts.wait(image_id, query.wait, visible)
        if isinstance(answer, Judged):
            return Response(answer.body, media_type="application/json")
        if isinstance(answer, DeadPhoto):
            raise set_aside(answer)
        if gateway.verdicts.closed:
            raise unavailable("stopping", "The gateway is stopping", "Ask another gateway, or this one later.")
        # Only now, so that Kafka is not asked for answers we have: while it cannot be read, nothing is unknown.
        if not gateway.current() or not await asyncio.to_thread(gateway.reachable):
            raise unavailable(
                "not-current",
                "The gateway cannot see every verdict",
                "Kafka is away, or its verdicts are still being read: this one may be there but unread.",
                image=image_id,
            )
        raise no_verdict(image_id, pending=gateway.submissions.knows(image_id, visible))

    return router


async def _event(
    gateway: Gateway, request: Request, idempotency_key: str | None, traceparent: str | None
) -> tuple[PartImage, str]:
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            upload = await read_upload(request, limit=gateway.max_photo_bytes)
    except TimeoutError:
        raise ProblemError(
            408,
            "upload-too-slow",
            "The upload took too long",
            detail=f"The photo did not arrive within {UPLOAD_SECONDS} seconds.",
            hint="Check the network between camera and gateway; send JPEG rather than BMP or TIFF.",
            headers={"Connection": "close"},
        ) from None
    fields = read_fields(upload, idempotency_key)
    header, digest = await asyncio.to_thread(check_picture, upload, max_pixels=gateway.settings.images.max_pixels)
    image = fields.id or new_event_id()
    event = part_image(fields, image, upload.pixels, header, received=now(), traceparent=traceparent)
    return event, fingerprint(fields, digest)


async def _publish(gateway: Gateway, event: PartImage, mark: str, principal: Principal) -> None:
    visible = partial(principal.may, Permission.SUBMIT_PHOTO)
    if not gateway.submissions.knows(event.id, visible):
        # Sent before this process started, or through another gateway: its answer is proof that Kafka has it.
        judged = gateway.verdicts.get(event.id, lambda plant: plant == event.plant)
        if judged is None and gateway.verdicts.get(event.id, visible) is not None:
            raise id_reused(event.id)
        if isinstance(judged, Judged) and judged.part != event.part:
            raise id_reused(event.id)
        if judged is not None:
            return
    try:
        await gateway.submissions.submit(event, mark, timeout_s=gateway.acknowledge_s, visible=visible)
    except IdReusedError:
        raise id_reused(event.id) from None
    except BacklogError:
        raise unavailable("too-busy", "The gateway is busy", "Kafka is away or slower than photos come.") from None
    except TimeoutError:
        raise kafka_away("Kafka did not acknowledge in time.", event.id) from None
    except PublishFailed as error:
        _log.warning("Kafka did not take a photo", image=event.id, part=event.part, error=str(error))
        raise kafka_away(f"{error}.", event.id) from None
