"""`linegate rollout judge`: what the automatic judge sees now."""

from typing import Annotated

import typer


def judge(
    key: Annotated[
        str,
        typer.Argument(help="The assignment's key: plant/line/station/layout/camera, * for any.", metavar="KEY"),
    ],
) -> None:
    """Measure what is on trial at KEY against its limits, as the judge would; nothing is done about it."""
    from pydantic import ValidationError
    from rich.console import Console

    from services.rollout.report import look_once, tables
    from shared.registry.client import Registry
    from shared.registry.place_key import PlaceKey
    from shared.settings import load_settings

    try:
        place = PlaceKey.parse(key)
    except ValidationError:
        raise typer.BadParameter(
            f"{key!r} is no key: plant/line/station/layout/camera, lower case, * for any, camera stationary or mobile"
        ) from None
    settings = load_settings()
    with Registry(settings.redis) as registry:
        snapshot = registry.snapshot()
    with Console(stderr=True).status("reading the window from Kafka"):
        seen = look_once(settings.bus, snapshot, place, max_parts=settings.rollout.max_parts)
    console = Console()
    for part in tables(seen):
        console.print(part)
