"""`linegate train jobs`: what was asked for, and what became of it."""

from typing import Annotated

import typer


def jobs(
    number: Annotated[int, typer.Option("--number", "-n", min=0, help="How many of those that are over.")] = 20,
) -> None:
    """List jobs: under way, waiting in their order, and the latest that are over. As far back as the topics keep."""
    from rich.console import Console

    from shared.settings import load_settings
    from shared.training_jobs.views import all_jobs, in_order
    from training.jobs.table import jobs_table

    views = in_order(all_jobs(load_settings().bus).values())
    present = [view for view in views if view.state in ("running", "queued", "asked")]
    over = [view for view in views if view not in present]
    if not views:
        typer.echo("No jobs. `linegate train request DATA --place KEY` asks for one.")
        return
    Console().print(jobs_table([*present, *over[:number]]))
