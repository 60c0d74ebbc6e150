"""`linegate up`, `demo`, `doctor` and `topics`: what sets Linegate up and looks whether it is well."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    folder: Annotated[Path, typer.Option(help="Where Kafka, Redis, the store and the logs keep their files.")] = Path(
        ".linegate"
    ),
    port: Annotated[int, typer.Option(help="The gateway's port.")] = 8080,
    console_port: Annotated[int, typer.Option(help="The console's port.")] = 8081,
) -> None:
    """Run a whole Linegate on this machine: Kafka, Redis, gateway, console and all workers. Ctrl-C stops it."""
    from deploy.local.up import run_up

    raise typer.Exit(run_up(folder, port, console_port))


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo writes; emptied first.")] = Path("build/demo"),
    rate: Annotated[float, typer.Option(help="Photos per second.")] = 5.0,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Start alerts and history too, and keep all running until Ctrl-C.")
    ] = False,
) -> None:
    """Train two models, stream 200 photos through the real pipeline, show the verdicts."""
    from deploy.demo.run import run_demo

    raise typer.Exit(run_demo(folder, rate, keep=keep))


def doctor() -> None:
    """Say in plain words what is wrong with this set-up."""
    from rich.console import Console

    from deploy.doctor import run_doctor

    raise typer.Exit(run_doctor(Console()))


def topics(
    partitions: Annotated[int, typer.Option(min=1, help="Of each new topic: how many workers can share the work.")] = 4,
    replication: Annotated[int, typer.Option(help="Copies of each partition; -1 takes the cluster's default.")] = -1,
) -> None:
    """Create the topics that the cluster of the settings lacks, as Linegate needs them; changes none that exist."""
    from confluent_kafka import KafkaException

    from shared.bus.clients import open_admin
    from shared.bus.topics import all_topics, ensure_topics
    from shared.errors import LinegateError
    from shared.settings import load_settings

    bus = load_settings().bus
    try:
        created = ensure_topics(open_admin(bus), partitions=partitions, replication=replication)
    except KafkaException as error:
        raise LinegateError(
            f"Kafka at {bus.bootstrap_servers} created no topics: {error.args[0].str()}",
            hint="bus.security must name a user that may CREATE topics (`linegate acl kafka topics`); "
            "`linegate doctor` tells of the rest",
        ) from None
    for topic in created:
        typer.echo(f"created {topic}")
    typer.echo(f"{len(all_topics()) - len(created)} topic(s) were there already")
