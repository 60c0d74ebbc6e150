"""Jobs as a table for people."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from shared.training_jobs.views import JobView

STYLES = {"running": "cyan", "done": "green", "failed": "red", "refused": "red"}


def jobs_table(views: Sequence[JobView]) -> Table:
    """One row a job. What comes from outside is plain text."""
    table = Table()
    for column in ("job", "state", "place", "data", "priority", "by", "how it stands"):
        table.add_column(column, overflow="fold")
    for view in views:
        request = view.request
        place = view.result.place if view.result is not None else "" if request is None else request.place
        words = (
            view.job,
            view.state,
            place,
            "" if request is None else request.data,
            "" if request is None else str(request.priority),
            "" if request is None else request.author,
            how_it_stands(view),
        )
        table.add_row(*(Text(word) for word in words), style=STYLES.get(view.state))
    return table


def how_it_stands(view: JobView) -> str:
    """What a person wants to know next."""
    if view.result is not None:
        return f"version {view.result.version}" if view.state == "done" else view.result.reason or ""
    told = view.progress
    if told is None:
        return "no trainer has taken it yet" if view.refusal is None else view.refusal
    again = f"attempt {told.attempt}" if told.attempt > 1 else ""
    if told.state == "queued":
        return again and f"waits for {again}"
    share = "" if view.share is None else f" {view.share:.0%}"
    return ", ".join(filter(None, (f"{told.stage or 'begun'}{share}", again)))
