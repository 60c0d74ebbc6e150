"""`POST /v1/feedback`: what people found about a part after its verdict."""

import asyncio
from functools import partial
from operator import eq
from typing import Annotated, Any, Final, Self

import structlog
from fastapi import APIRouter, Header, Request, Security
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import models_json_schema

from services.answers import DeadPhoto
from services.gateway import openapi, tracing
from services.gateway.feedback_desk import FeedbackDesk
from services.gateway.guard import refuse_foreign_plant
from services.gateway.json_body import read_body
from services.gateway.photo import SOURCE
from services.gateway.problems import ProblemError
from services.gateway.refusals import kafka_away, no_verdict, set_aside, unavailable
from services.gateway.routes import Gateway
from services.gateway.submissions import BacklogError
from services.gateway.verdict_cache import Judged as Answered
from services.gateway.verdict_cache import Visible
from shared.auth import Permission, Principal
from shared.bus.publisher import PublishFailed
from shared.events import Feedback, Finding, Judged, Place, Verdict, contradiction, now
from shared.events.base import Id, PartId
from shared.events.feedback import Note

MAX_SUBJECT: Final = 256
_log = structlog.get_logger(__name__)


class FeedbackGiven(BaseModel):
    """What somebody found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Id = Field(description="The photo's id.", examples=["7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10"])
    finding: Finding = Field(
        description="confirmed_damage or false_alarm of a part that failed; missed_damage or confirmed_good of one "
        "that passed."
    )
    note: Note = Field("", description="In your own words.", examples=["scratch is on the protective film"])
    part: PartId | None = Field(
        None, description="With `place`: for a photo whose verdict this gateway no longer holds.", examples=["4711-1"]
    )
    place: Place | None = Field(None, description="With `part`: where the photo was taken.")

    @model_validator(mode="after")
    def _address_is_whole(self) -> Self:
        if (self.part is None) != (self.place is None):
            raise ValueError("part and place go together")
        return self


class FeedbackTaken(BaseModel):
    """Kafka holds the feedback."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="The feedback's own id.")
    image: str
    part: str
    finding: Finding


def feedback_routes(gateway: Gateway, desk: FeedbackDesk) -> APIRouter:
    """The route, in a router that guards it."""
    router = APIRouter(prefix="/v1", dependencies=[Security(gateway.guard)])

    @router.post("/feedback", status_code=202, **_OPENAPI)
    async def give(
        request: Request,
        principal: Annotated[Principal, Security(gateway.guard, scopes=[Permission.GIVE_FEEDBACK])],
        traceparent: Annotated[str | None, Header(description="W3C Trace Context; goes along to the label.")] = None,
    ) -> FeedbackTaken:
        """Say whether the verdict on a photo was right. 202 means that Kafka holds it. The latest word counts.

        A photo of a plant where you may not give feedback is answered as one that does not exist.
        """
        given = await read_body(request, FeedbackGiven)
        feedback = await _feedback(gateway, request, given, principal)
        if (trace := tracing.traceparent(traceparent)) is not None:
            feedback = feedback.model_copy(update={"traceparent": trace})
        held = await _hand_on(gateway, desk, feedback)
        return FeedbackTaken(id=held.id, image=held.image, part=held.part, finding=held.finding)

    return router


async def _feedback(gateway: Gateway, request: Request, given: FeedbackGiven, principal: Principal) -> Feedback:
    """The event: the verdict's own address where this gateway has the verdict, else the caller's."""
    visible: Visible = partial(principal.may, Permission.GIVE_FEEDBACK)
    if given.place is not None:
        refuse_foreign_plant(request, principal, Permission.GIVE_FEEDBACK, given.place.plant)
        visible = partial(eq, given.place.plant)  # two plants may use one id
    said = {
        "source": SOURCE,
        "image": given.image,
        "finding": given.finding,
        "note": given.note,
        "by": principal.subject[:MAX_SUBJECT],
    }
    answer = gateway.verdicts.get(given.image, visible)
    if isinstance(answer, DeadPhoto):
        raise set_aside(answer)
    if isinstance(answer, Answered):
        verdict = Verdict.model_validate_json(answer.body)
        _refuse_contradiction(given, verdict)
        return Feedback.model_validate({**verdict.carried(), **said, "judged": Judged.of(verdict)})
    if given.part is not None and given.place is not None:
        # The labels worker, which looks further back, finds the verdict and with it the true time.
        return Feedback.model_validate({**given.place.model_dump(), **said, "part": given.part, "captured": now()})
    if not gateway.current() or not await asyncio.to_thread(gateway.reachable):
        raise unavailable(
            "not-current",
            "The gateway cannot see every verdict",
            "Kafka is away, or its verdicts are still being read: this one may be there but unread.",
            image=given.image,
        )
    raise no_verdict(given.image, pending=gateway.submissions.knows(given.image, visible))


def _refuse_contradiction(given: FeedbackGiven, verdict: Verdict) -> None:
    wrong = contradiction(given.finding, verdict.decision)
    if wrong is None and given.part not in (None, verdict.part):
        wrong = f"the photo shows part {verdict.part}, not {given.part}"
    if wrong is None and given.place is not None and given.place.line != verdict.line:
        wrong = f"the photo was taken at {verdict.plant}/{verdict.line}, not at {given.place.plant}/{given.place.line}"
    if wrong is not None:
        raise ProblemError(
            409,
            "feedback-contradicts-verdict",
            "The feedback does not fit the verdict",
            detail=f"It cannot be: {wrong}.",
            hint="Is it the right photo? GET /v1/verdicts/<id> shows its verdict.",
            image=given.image,
        )


async def _hand_on(gateway: Gateway, desk: FeedbackDesk, feedback: Feedback) -> Feedback:
    again = "Retry after the time in Retry-After: the same request again makes no second label."
    try:
        return await desk.give(feedback, timeout_s=gateway.acknowledge_s)
    except BacklogError:
        raise unavailable("too-busy", "The gateway is busy", "Kafka is away or slow.", hint=again) from None
    except TimeoutError:
        raise _away("Kafka did not acknowledge in time.", again) from None
    except PublishFailed as error:
        _log.warning("Kafka did not take feedback", image=feedback.image, error=str(error))
        raise _away(f"{error}.", again) from None


def _away(detail: str, hint: str) -> ProblemError:
    return unavailable("kafka-away", kafka_away(detail).problem.title, detail, hint=hint)


_EXAMPLE: Final = {
    "image": "7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10",
    "finding": "false_alarm",
    "note": "scratch is on the protective film",
}
_OPENAPI: Final[dict[str, Any]] = {
    "summary": "Say whether a verdict was right",
    "responses": {
        202: {"description": "Kafka holds the feedback."},
        **openapi.problems(
            *openapi.REFUSALS,
            (404, "verdict-unknown", "No verdict under this id that you may give feedback on."),
            (409, "feedback-contradicts-verdict", "The finding is about another decision, part or line."),
            (413, "body-too-large", "The body is too large."),
            (422, "invalid-request", "A field is wrong; or the photo became a dead letter."),
            (503, "kafka-away", "Kafka did not acknowledge in time, or the verdicts are not all read."),
        ),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/FeedbackGiven"},
                    "example": _EXAMPLE,
                }
            },
        }
    },
}
SCHEMAS: Final[dict[str, Any]] = models_json_schema(
    [(FeedbackGiven, "validation")], ref_template="#/components/schemas/{model}"
)[1]["$defs"]
"""Of the body, which FastAPI does not collect, since it does not read it."""
