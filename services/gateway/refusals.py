"""The problems that several routes answer with."""

from typing import Final

from services.answers import DeadPhoto
from services.gateway.problems import ProblemError
from shared.events import Verdict

RETRY_SECONDS: Final = 5
"""What `Retry-After` says when Kafka is away."""


def set_aside(letter: DeadPhoto) -> ProblemError:
    """422: the photo became a dead letter."""
    return ProblemError(
        422,
        "photo-set-aside",
        "The photo could not be judged",
        detail=letter.reason,
        hint=f"Take the photo again and send it under a new id; the original is kept in {letter.topic}.",
        image=letter.image,
    )


def no_verdict(image: str, *, pending: bool) -> ProblemError:
    """404: no verdict under this id that the caller may see, or none yet."""
    if pending:
        return ProblemError(
            404,
            "verdict-pending",
            "No verdict yet",
            detail="This gateway took the photo; its verdict is not there yet.",
            hint="Ask again, with ?wait=10 to have the answer the moment it is there.",
            image=image,
        )
    return ProblemError(
        404,
        "verdict-unknown",
        "No verdict under this id",
        detail="No verdict is known, and this gateway did not take a photo of that id since it started.",
        hint=f"Use the id from the answer to POST /v1/images. Old verdicts are in the Kafka topic {Verdict.TOPIC}.",
        image=image,
    )


def id_reused(image: str) -> ProblemError:
    """422: the id came before, with something else."""
    return ProblemError(
        422,
        "id-reused",
        "The id belongs to another photo",
        detail="This id came before, with another photo or another address.",
        hint="One id is one photo: repeat it only to retry the very same request.",
        image=image,
    )


def kafka_away(detail: str, image: str | None = None) -> ProblemError:
    """503: Kafka did not take an event."""
    again = "" if image is None else f", with Idempotency-Key: {image}, so that the part is not doubled"
    return unavailable(
        "kafka-away",
        "Kafka is not reachable",
        detail,
        hint=f"Retry after the time in Retry-After{again}.",
        image=image,
    )


def unavailable(
    kind: str,
    title: str,
    detail: str,
    *,
    hint: str = "Retry after the time in Retry-After.",
    image: str | None = None,
    retry_after: int = RETRY_SECONDS,
) -> ProblemError:
    """503: come again later."""
    return ProblemError(503, kind, title, detail=detail, hint=hint, image=image, retry_after=retry_after)
