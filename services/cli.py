"""`linegate serve`, `linegate submit`, `linegate replay`. What they need is imported when they run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.commands import WorkerGroup

Plant = Annotated[str, typer.Option(help="The plant, e.g. munich.")]
Line = Annotated[str, typer.Option(help="The line, e.g. line-1.")]
Station = Annotated[str, typer.Option(help="The station on the line.")]
Layout = Annotated[str, typer.Option(help="The label's layout, where it is known.")]
Camera = Annotated[str, typer.Option(help="stationary or mobile.")]

serve = typer.Typer(
    # The other wing's workers are found by entry point.
    cls=WorkerGroup,
    help="Run one worker in the foreground; Ctrl-C or SIGTERM stops it in order.",
    no_args_is_help=True,
)


@serve.command()
def crop() -> None:
    """Find the label in each photo, rectify it, turn it into reading direction."""
    from services.crop.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("crop", main))


@serve.command()
def score() -> None:
    """Judge each crop with the model version in force at its place."""
    from services.score.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("score", main))


@serve.command()
def gateway() -> None:
    """Take photos and answer verdicts over HTTP (docs/http.md)."""
    from services.gateway.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("gateway", main))


@serve.command()
def rollout() -> None:
    """Judge the versions on trial, take bad ones back, tell every change of a rollout (docs/judge.md)."""
    from services.rollout.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("rollout", main))


@serve.command()
def labels() -> None:
    """Join what people found with the verdict it is about (docs/feedback.md)."""
    from services.labels.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("labels", main))


@serve.command()
def console() -> None:
    """Show people the lines, the latest fails, alerts and rollouts in a browser (docs/console.md)."""
    from services.console.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("console", main))


@serve.command()
def alert() -> None:
    """Tell supervisors what they subscribed to (docs/alerts.md)."""
    from services.alert.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("alert", main))


@serve.command()
def notify() -> None:
    """Deliver alerts by webhook, mail and MQTT (docs/notifications.md)."""
    from services.notify.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("notify", main))


@serve.command()
def archive() -> None:
    """Keep verdicts as Parquet and the pictures of rejected parts in the store (docs/history.md)."""
    from services.archive.main import main
    from shared.serving.serve import serve as run

    raise typer.Exit(run("archive", main))


class Via(StrEnum):
    """How a photo is sent."""

    KAFKA = "kafka"
    HTTP = "http"


def submit(
    photo: Annotated[Path, typer.Argument(help="The photo.", exists=True, dir_okay=False)],
    *,
    plant: Plant,
    line: Line,
    part: Annotated[str | None, typer.Option(help="The part; the file's name by default.")] = None,
    station: Station = "any",
    layout: Layout = "any",
    camera: Camera = "stationary",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the verdict.")] = 10,
    via: Annotated[Via, typer.Option(help="Straight to Kafka, or through the gateway.")] = Via.KAFKA,
    gateway_url: Annotated[
        str | None, typer.Option("--gateway", help="The gateway's URL; the one in the settings by default.")
    ] = None,
) -> None:
    """Send one photo and show its verdict. Exit status: 0 it was judged (pass or fail), 1 it was not."""
    from rich.console import Console

    from services.photo_event import photo_event, place_of
    from services.replay.photos import part_name
    from services.submit import submit_to_gateway, submit_to_kafka
    from services.verdict_view import verdict_panel
    from shared.auth.client import client_auth
    from shared.errors import LinegateError
    from shared.settings import load_settings

    settings = load_settings()
    place = place_of(plant, line, station, layout, camera)
    event = photo_event(photo, part=part or part_name(photo.stem), place=place)
    if via is Via.KAFKA:
        reply = submit_to_kafka(settings.bus, event, wait=wait)
    else:
        url = gateway_url or f"http://{settings.gateway.host}:{settings.gateway.port}"
        reply = submit_to_gateway(url, event, wait=wait, auth=client_auth(settings.client))
    if reply.verdict is None:
        raise LinegateError(f"the photo could not be judged: {reply.reason}", hint="it is kept in a .dlq topic")
    Console().print(verdict_panel(reply.verdict, seconds=reply.seconds))


def replay(
    folder: Annotated[str, typer.Argument(help="A folder (searched to the bottom), a quoted glob, or one photo.")],
    *,
    plant: Plant,
    line: Line,
    rate: Annotated[float, typer.Option(min=0.001, help="Photos per second.")] = 20,
    station: Station = "any",
    layout: Layout = "any",
    camera: Camera = "stationary",
    parts: Annotated[
        Path | None,
        typer.Option(
            help="Manifest (JSON lines: image, part, layout, camera, label); FOLDER/manifest.jsonl if it is there.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    good: Annotated[
        str | None, typer.Option(help="Glob of known good photos, below FOLDER; * crosses folders.")
    ] = None,
    bad: Annotated[str | None, typer.Option(help="Glob of known damaged photos, likewise.")] = None,
    patience: Annotated[float, typer.Option(min=1, help="Give up after this many seconds without an answer.")] = 60,
    report: Annotated[Path | None, typer.Option(help="Write one JSON line per photo to this file.")] = None,
) -> None:
    """Send photos at a steady rate and count what comes back. Exit status: 0 every photo was answered exactly once."""
    from services.photo_event import place_of
    from services.replay.command import replay_photos
    from services.replay.photos import find_photos
    from shared.settings import load_settings

    photos = find_photos(folder, manifest=parts, good=good, bad=bad)
    place = place_of(plant, line, station, layout, camera)
    raise typer.Exit(replay_photos(photos, place, load_settings().bus, rate=rate, patience=patience, report=report))
