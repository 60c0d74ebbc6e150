"""`linegate up`, `linegate demo`, `linegate doctor`: what runs Linegate on one machine."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    folder: Annotated[Path, typer.Option(help="Where Kafka, Redis, the store and the logs keep their files.")] = Path(
        ".linegate"
    ),
    port: Annotated[int, typer.Option(help="The gateway's port.")] = 8080,
) -> None:
    """Run a whole Linegate on this machine: Kafka, Redis, gateway, crop and score. Ctrl-C stops it."""
    from deploy.local.up import run_up

    raise typer.Exit(run_up(folder, port))


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo writes; emptied first.")] = Path("build/demo"),
    rate: Annotated[float, typer.Option(help="Photos per second.")] = 5.0,
) -> None:
    """Train two models, stream 200 photos through the real pipeline, show the verdicts."""
    from deploy.demo.run import run_demo

    raise typer.Exit(run_demo(folder, rate))


def doctor() -> None:
    """Say in plain words what is wrong with this set-up."""
    from rich.console import Console

    from deploy.doctor import run_doctor

    raise typer.Exit(run_doctor(Console()))
