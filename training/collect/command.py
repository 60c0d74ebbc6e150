"""`linegate train collect`: recent good parts, and those that people looked at, as a data set for a refit."""

from pathlib import Path
from typing import Annotated

import typer


def collect(
    place: Annotated[
        str, typer.Argument(metavar="KEY", help="Photos of places under plant/line/station/layout/camera.")
    ],
    *,
    since: Annotated[str, typer.Option(help="Photos of e.g. 7d, 12h or a date on.")],
    out: Annotated[Path, typer.Option(help="Folder to make: photos/, manifest.jsonl, provenance.json.")],
    most: Annotated[
        int | None, typer.Option(min=1, help="Most photos that only passed, evenly over time; all by default.")
    ] = None,
    all_photos: Annotated[bool, typer.Option("--all", help="Every photo of a part, instead of the latest.")] = False,
    ignore_shadow: Annotated[
        bool, typer.Option("--ignore-shadow", help="Take parts that a shadow would have rejected, too.")
    ] = False,
) -> None:
    """Collect photos of parts that the champion passed and nothing speaks against, and labelled ones.

    A part that was ever rejected in its plant, as far back as Kafka goes, is left out, unless somebody found it good.
    """
    from rich.console import Console

    from shared.events.base import now
    from shared.settings import load_settings
    from training import arguments
    from training.collect.make import Asked, make_set
    from training.collect.report import print_summary
    from training.progress import bars
    from training.since import since as moment

    started, console = now(), Console()
    key, start = arguments.place_key(place), moment(since, now=started)
    assert key is not None  # noqa: S101 - one was given
    assert start is not None  # noqa: S101 - likewise
    asked = Asked(key=key, since=start, most=most, all_photos=all_photos, ignore_shadow=ignore_shadow)
    settings = load_settings()
    with bars(console) as progress:
        made = make_set(asked, out, settings, progress=progress)
    print_summary(console, made, out)
