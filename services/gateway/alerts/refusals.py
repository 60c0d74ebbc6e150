"""The problems of alerts, subscriptions and silences."""

from typing import Final

from services.gateway.problems import ProblemError
from shared.alerts.errors import AlertClosed, AlreadyAcknowledged

RETRY_SECONDS: Final = 5


def unknown_alert() -> ProblemError:
    """404: there is none that the caller may see."""
    return ProblemError(
        404,
        "alert-unknown",
        "No alert under this id",
        detail="There is no alert of this id, or it was forgotten long after it was resolved.",
        hint="GET /v1/alerts lists those that you may see; every step of an alert is on the topic linegate.alerts.",
    )


def acknowledged(error: AlreadyAcknowledged) -> ProblemError:
    """409: somebody else was first."""
    return ProblemError(
        409,
        "already-acknowledged",
        "Somebody else was first",
        detail=f"It was acknowledged by {error.by} at {error.at:%Y-%m-%d %H:%M:%S %Z}.",
        hint="They take care of it. POST …/resolve once it is over.",
        by=error.by,
        at=error.at,
    )


def closed(error: AlertClosed) -> ProblemError:
    """409: it is over."""
    return ProblemError(
        409,
        "alert-resolved",
        "The alert is resolved",
        detail=f"{str(error)[0].upper()}{str(error)[1:]}.",
        hint="Nothing more can be done about it; a new one fires when its condition is met again.",
        by=error.by,
        at=error.at,
    )


def unknown(what: str, name: str) -> ProblemError:
    """404: there is no subscription or silence of that id that the caller may see."""
    return ProblemError(
        404,
        f"{what}-unknown",
        f"No {what} of this id",
        detail=f"There is no {what} {name}.",
        hint=f"GET /v1/{what}s lists those that you may see.",
    )


def taken(what: str, name: str) -> ProblemError:
    """409: an id stands for one thing in all plants."""
    return ProblemError(
        409,
        "id-taken",
        "The id is taken",
        detail=f"There is a {what} {name} already, of places that are not yours.",
        hint="Choose another id, e.g. one that begins with the plant's name.",
    )


def unknown_channel(name: str) -> ProblemError:
    """404: the subscription has no such channel."""
    return ProblemError(
        404,
        "channel-unknown",
        "No such channel",
        detail=f"The subscription has no channel {name}.",
        hint="GET the subscription to see its channels, those of the escalation among them.",
    )


def unknown_message() -> ProblemError:
    """404: there is none that the caller may put back."""
    return ProblemError(
        404,
        "message-unknown",
        "No such message",
        detail="No message of this id is kept: it was delivered, is too old, or is none of yours.",
        hint="GET /v1/subscriptions/…/deliveries shows which ones are kept.",
    )


def no_webhook(name: str, kind: str) -> ProblemError:
    """409: only webhooks have secrets."""
    return ProblemError(
        409,
        "no-webhook",
        "The channel has no secret",
        detail=f"The channel {name} is of kind {kind}; only webhooks are signed.",
        hint="Choose a channel of kind webhook.",
    )


def too_many_streams(detail: str) -> ProblemError:
    """503: come again later."""
    return ProblemError(
        503,
        "too-busy",
        "The gateway is busy",
        detail=detail,
        hint="Close a stream that nobody looks at, or retry after the time in Retry-After; GET /v1/alerts works.",
        retry_after=RETRY_SECONDS,
    )


def bad_event_id() -> ProblemError:
    """400: it is none that a stream of ours ever sent."""
    return ProblemError(
        400,
        "invalid-last-event-id",
        "The Last-Event-ID is not understood",
        detail="Last-Event-ID is no id that this stream sends.",
        hint="Send back the `id` of the last event as it came, e.g. 1764000000000-0, or leave the header out.",
    )
