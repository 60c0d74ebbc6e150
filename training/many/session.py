"""A run of a plan as a person sees it: bars, a table, a page, and one line for each version that failed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer
from rich.console import Console

from shared.errors import LinegateError
from shared.events.base import now
from shared.settings import Settings
from training.many.engine import Engine
from training.many.page import write_page
from training.many.rows import Row
from training.many.run import Run
from training.many.survey import Planned
from training.many.view import View, print_rows, view
from training.many.workshop import Workshop
from training.order import Means

STOPPED: Final = 130
"""Exit status after Ctrl-C, as shells have it."""


class SomeFailed(LinegateError):
    """Not every version of the plan is made."""


def work(
    plan: Path,
    planned: Sequence[Planned],
    *,
    out: Path,
    engine: Engine,
    means: Means,
    settings: Settings,
    register: bool,
    console: Console,
) -> None:
    """Make what is missing.

    Args:
        plan: its file, for the page's title.
        planned: what it wants, counted.
        out: folder of the versions.
        engine: that makes them.
        means: with what.
        settings: of the store and the registry.
        register: whether they are made known.
        console: to show it on.

    Raises:
        SomeFailed: some versions failed; each was told of on the standard error.
        Exit: with status 130, after Ctrl-C.
        LinegateError: nothing can be done at all: the folder, the engine, a registry that is asked.
    """
    with view(console, len(planned)) as shown:
        workshop = Workshop(out, settings, means, shown.reading)
        with workshop.locked():
            run = Run(planned, workshop, settings, register=register)
            stopped = _make(run, engine, shown, plan.name, out)
    print_rows(console, run.rows)
    page = write_page(out, run.rows, plan=plan.name, when=now())
    console.print(f"[dim]page[/dim] {page}", soft_wrap=True)
    failed = [row for row in run.rows if row.status == "failed"]
    for row in failed:
        typer.echo(f"{row.version}: {row.why}", err=True)
    if stopped:
        typer.echo("stopped; the same command goes on where it was", err=True)
        raise typer.Exit(STOPPED)
    if failed:
        raise SomeFailed(f"{len(failed)} of {len(run.rows)} versions failed: {', '.join(r.version for r in failed)}")


def _make(run: Run, engine: Engine, shown: View, plan: str, out: Path) -> bool:
    """Answers whether it was stopped."""

    def told(row: Row) -> None:
        shown.told(row)
        # For those who look at the page meanwhile, and for a run that is killed.
        write_page(out, run.rows, plan=plan, when=now())

    try:
        jobs = run.jobs(shown.told)
        shown.read()
        if jobs:
            run.make(engine, jobs, shown.report, told)
    except KeyboardInterrupt:
        return True
    return False
