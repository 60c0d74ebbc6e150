"""`linegate feedback`. What it needs is imported when it runs."""

from enum import StrEnum
from typing import Annotated

import typer


class Found(StrEnum):
    """What was found."""

    CONFIRMED_DAMAGE = "confirmed_damage"
    FALSE_ALARM = "false_alarm"
    MISSED_DAMAGE = "missed_damage"
    CONFIRMED_GOOD = "confirmed_good"


def feedback(
    image: Annotated[str, typer.Argument(help="The photo's id, as `linegate submit` and the verdict show it.")],
    finding: Annotated[
        Found,
        typer.Argument(
            help="confirmed_damage or false_alarm of a part that failed; missed_damage or confirmed_good of one that "
            "passed."
        ),
    ],
    *,
    note: Annotated[str, typer.Option(help="In your own words.")] = "",
    part: Annotated[
        str | None, typer.Option(help="With --plant and --line: for a verdict that the gateway no longer holds.")
    ] = None,
    plant: Annotated[str | None, typer.Option(help="The plant, e.g. munich.")] = None,
    line: Annotated[str | None, typer.Option(help="The line, e.g. line-1.")] = None,
    station: Annotated[str, typer.Option(help="The station; any: not known.")] = "any",
    layout: Annotated[str, typer.Option(help="The label's layout; any: not known.")] = "any",
    camera: Annotated[str, typer.Option(help="stationary or mobile.")] = "stationary",
    gateway_url: Annotated[
        str | None, typer.Option("--gateway", help="The gateway's URL; the one in the settings by default.")
    ] = None,
) -> None:
    """Say whether the verdict on a photo was right (docs/feedback.md). The latest word on a photo counts."""
    from rich.console import Console

    from services.feedback.send import address, send
    from shared.auth.client import client_auth
    from shared.settings import load_settings

    settings = load_settings()
    url = gateway_url or f"http://{settings.gateway.host}:{settings.gateway.port}"
    body = {"image": image, "finding": finding.value, "note": note}
    body |= address(part, plant, line, station=station, layout=layout, camera=camera)
    taken = send(url, body, auth=client_auth(settings.client))
    Console().print(f"{taken['finding']} on part {taken['part']}: Kafka holds it as {taken['id']}", markup=False)
