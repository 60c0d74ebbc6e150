"""`linegate train cancel`: have a job given up."""

from typing import Annotated

import typer


def cancel(
    job: Annotated[str, typer.Argument(help="The job, as `request` printed it.")],
    author: Annotated[str, typer.Option(envvar="USER", help="Who.")] = "unknown",
) -> None:
    """Give up a job, whether it waits or is under way. What is registered already stays."""
    from shared.bus.publisher import EventPublisher
    from shared.errors import LinegateError
    from shared.events import TrainingCancelled
    from shared.settings import load_settings
    from shared.training_jobs.views import all_jobs

    bus = load_settings().bus
    view = all_jobs(bus).get(job)
    if view is None or view.state == "refused":
        raise LinegateError(f"the topics tell of no job {job}", hint="`linegate train jobs` lists those they do")
    if view.result is not None:
        raise LinegateError(f"job {job} is over: {view.state}")
    with EventPublisher(bus) as publisher:
        publisher.publish(TrainingCancelled(job=job, by=author)).result()
    typer.echo(f"{job} is to be given up; `linegate train follow {job}` tells when it is")
