"""One word of feedback to the gateway."""

from typing import Any, Final

import httpx

from shared.errors import LinegateError

HTTP_SECONDS: Final = 30.0


def address(
    part: str | None, plant: str | None, line: str | None, *, station: str, layout: str, camera: str
) -> dict[str, Any]:
    """`part` and `place` of the request's body; nothing where no address was given.

    Raises:
        LinegateError: only some of part, plant and line were given.
    """
    given = [value is not None for value in (part, plant, line)]
    if not any(given):
        return {}
    if not all(given):
        raise LinegateError("--part, --plant and --line go together", hint="leave all out while the gateway knows them")
    place = {"plant": plant, "line": line, "station": station, "layout": layout, "camera": camera}
    return {"part": part, "place": place}


def send(url: str, body: dict[str, Any], *, auth: httpx.Auth | None) -> dict[str, Any]:
    """POST `body` to the gateway at `url`; its answer.

    Raises:
        LinegateError: it is away, or refuses.
    """
    try:
        answer = httpx.post(f"{url}/v1/feedback", json=body, timeout=HTTP_SECONDS, auth=auth)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LinegateError(
            f"the gateway at {url} does not answer: {error}",
            hint="is it running (`linegate serve gateway`)? --gateway names another",
        ) from None
    if answer.status_code == httpx.codes.ACCEPTED:
        return dict(answer.json())
    problem = {"detail": f"status {answer.status_code}", "hint": "is this a Linegate gateway?"}
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = answer.json()
    hint = problem.get("hint")
    if str(problem.get("type", "")).endswith(":verdict-unknown"):
        hint = "an older verdict needs its address: add --part, --plant and --line"
    raise LinegateError(f"the gateway refused: {str(problem['detail']).rstrip('.')}", hint=hint)
