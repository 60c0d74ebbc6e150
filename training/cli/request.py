"""`linegate train request`: ask the training service for a version."""

from typing import Annotated

import typer

from training.cli.spec_options import Asked, takes_spec


@takes_spec
def request(
    data: Annotated[
        str,
        typer.Argument(help="The data set as the trainer sees it: a path below one of its training.data_roots."),
    ],
    *,
    how: Asked,
    place: Annotated[
        str, typer.Option(metavar="KEY", help="Where the version is to judge: plant/line/station/layout/camera.")
    ],
    version: Annotated[str | None, typer.Option("--version", help="Name of the version; default: made up.")] = None,
    parent: Annotated[str | None, typer.Option(help="The version that it is to replace, for the record.")] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="The greater goes first.")] = 5,
    job: Annotated[
        str | None, typer.Option(help="The job's name; the same one twice is done once. Default: made up.")
    ] = None,
    author: Annotated[str, typer.Option(envvar="USER", help="Who, for the registry's audit.")] = "unknown",
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Show its progress until it is over.")] = False,
) -> None:
    """Ask the training service for a version. Exit status with --follow: 0 there is a candidate, 1 there is none."""
    from pydantic import ValidationError
    from rich.console import Console

    from shared.bus.publisher import EventPublisher
    from shared.events import TrainingRequest, new_event_id
    from shared.settings import load_settings
    from shared.training_jobs.views import JobView, open_reader
    from training import arguments
    from training.jobs.follow import follow as show
    from training.jobs.follow import print_result

    if how.reference is not None:
        raise arguments.ArgumentRejected(
            "--reference: a request names a reference by its sha256",
            hint="`linegate rollout station --reference FILE` puts one into the store",
        )
    arguments.place_key(place)
    try:
        wanted = TrainingRequest(
            job=job or new_event_id(),
            place=place,
            data=data,
            version=version,
            spec=how.spec,
            priority=priority,
            parent=parent,
            author=author,
            note=note,
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise arguments.ArgumentRejected(f"--{problem['loc'][0]}: {problem['msg']}") from None
    bus = load_settings().bus
    console = Console()
    # From before the request, so that nothing of what follows is missed.
    reader = open_reader(bus, "latest") if follow else None
    try:
        with EventPublisher(bus) as publisher:
            publisher.publish(wanted).result()
        typer.echo(wanted.job)
        if reader is not None:
            result = show(reader, JobView(wanted.job), console, request=wanted.id)
            print_result(console, result)
            raise typer.Exit(0 if result.state == "done" else 1)
    finally:
        if reader is not None:
            reader.close()
