"""`linegate train follow`: look on while a job is done."""

from typing import Annotated

import typer


def follow(job: Annotated[str, typer.Argument(help="The job, as `request` printed it.")]) -> None:
    """Show a job's progress until it is over. Exit status: 0 there is a candidate, 1 there is none."""
    from rich.console import Console

    from shared.errors import LinegateError
    from shared.settings import load_settings
    from shared.training_jobs.views import PATIENCE_S, JobView, fold, open_reader
    from training.jobs.follow import JobRefused, print_result
    from training.jobs.follow import follow as show

    console = Console()
    views: dict[str, JobView] = {}
    with open_reader(load_settings().bus, "earliest") as reader:
        for read in reader.read_to_end(patience=PATIENCE_S):
            fold(views, read)
        if (view := views.get(job)) is None:
            raise LinegateError(f"the topics tell of no job {job}", hint="`linegate train jobs` lists those they do")
        if view.state == "refused":
            raise JobRefused(f"job {job} is refused: {view.refusal}")
        result = show(reader, view, console)
    print_result(console, result)
    raise typer.Exit(0 if result.state == "done" else 1)
