"""`linegate submit`: one photo in, its verdict out, by Kafka or by HTTP."""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx

from services.answers import AnswerFeed
from shared.bus.publisher import EventPublisher
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import PartImage, Verdict

KAFKA_SECONDS: Final = 15.0
HTTP_SECONDS: Final = 30.0
_NO_VERDICT_HINT: Final = "do the crop and score workers run, and has the place a model? `linegate doctor` tells"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a verdict, or the reason why there will be none."""

    verdict: Verdict | None
    reason: str | None
    seconds: float
    """From sending to receiving."""


def submit_to_kafka(bus: BusSettings, event: PartImage, *, wait: float) -> Reply:
    """Publish `event` and wait up to `wait` seconds for what becomes of it.

    Raises:
        LinegateError: Kafka is away, or nothing came back in time.
    """
    answered = threading.Event()
    answers: list[tuple[Verdict | None, str | None]] = []

    def answer(image: str, verdict: Verdict | None, reason: str | None) -> None:
        if image == event.id:
            answers.append((verdict, reason))
            answered.set()

    feed = AnswerFeed(
        bus,
        on_verdict=lambda verdict: answer(verdict.image, verdict, None),
        on_dead_letter=lambda letter: answer(letter.image, None, letter.reason),
    )
    with feed, EventPublisher(bus) as publisher:
        feed.wait_current(KAFKA_SECONDS)
        started = time.monotonic()
        publisher.publish(event).result()
        if not answered.wait(wait):
            raise LinegateError(
                f"no verdict within {wait:g} s; the photo {event.id} is in Kafka and will be judged",
                hint=_NO_VERDICT_HINT,
            )
        seconds = time.monotonic() - started
    return Reply(*answers[0], seconds)


def submit_to_gateway(url: str, event: PartImage, *, wait: float, auth: httpx.Auth | None) -> Reply:
    """POST `event` to the gateway at `url` and wait up to `wait` seconds for what becomes of it.

    Args:
        url: of the gateway.
        event: the photo.
        wait: seconds.
        auth: shows who we are; None where there is nothing to show.

    Raises:
        LinegateError: the gateway is away or refuses, or nothing came back in time.
    """
    fields = event.model_dump(mode="json", include={"id", "part", "plant", "line", "station", "layout", "camera"})
    with httpx.Client(base_url=url, timeout=HTTP_SECONDS, auth=auth) as client:
        started = time.monotonic()
        accepted = _ask(
            client,
            "POST",
            "/v1/images",
            params={**fields, "captured": event.captured.isoformat()},
            content=event.pixels,
            headers={"Content-Type": str(event.mediatype)},
        )
        if accepted.status_code != httpx.codes.ACCEPTED:
            raise _refused(accepted)
        deadline = time.monotonic() + wait
        while True:
            left = max(0.0, deadline - time.monotonic())
            answer = _ask(client, "GET", accepted.json()["verdict"], params={"wait": str(min(left, 10.0))})
            if answer.status_code == httpx.codes.OK:
                verdict = Verdict.model_validate_json(answer.content)
                return Reply(verdict, None, time.monotonic() - started)
            if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
                return Reply(None, _problem(answer)["detail"], time.monotonic() - started)
            if answer.status_code == httpx.codes.FORBIDDEN:
                raise LinegateError(
                    f"the photo {event.id} is in Kafka, but this token may not read verdicts",
                    hint="a token of the role operator may; --wait has no use without",
                )
            if answer.status_code != httpx.codes.NOT_FOUND:
                raise _refused(answer)
            if left <= 0:
                raise LinegateError(
                    f"no verdict within {wait:g} s; the photo {event.id} is in Kafka and will be judged",
                    hint=_NO_VERDICT_HINT,
                )


def _ask(client: httpx.Client, method: str, path: str, **request: Any) -> httpx.Response:
    try:
        return client.request(method, path, **request)
    except httpx.HTTPError as error:
        raise LinegateError(
            f"the gateway at {client.base_url} does not answer: {error}",
            hint="is it running (`linegate serve gateway`)? --gateway names another",
        ) from None


def _problem(response: httpx.Response) -> dict[str, Any]:
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return dict(response.json())
    return {"detail": f"status {response.status_code}", "hint": "is this a Linegate gateway?"}


def _refused(response: httpx.Response) -> LinegateError:
    problem = _problem(response)
    return LinegateError(f"the gateway refused: {str(problem['detail']).rstrip('.')}", hint=problem.get("hint"))
