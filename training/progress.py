"""Progress of a training as bars on the terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from shared.models.base import Progress as Report

TITLES: Final[Mapping[str, str]] = {
    "read": "Reading photos",
    "reference": "Learning the reference",
    "crop": "Cropping",
    "features": "Extracting features",
    "coreset": "Choosing the coreset",
    "factorise": "Fitting Gaussians",
    "calibrate": "Scoring calibration parts",
    "test": "Scoring test parts",
    "labels": "Reading labels",
    "verdicts": "Reading verdicts",
    "shadow verdicts": "Reading shadow verdicts",
    "photos": "Looking for photos",
    "written": "Writing photos",
}


@contextmanager
def bars(console: Console) -> Iterator[Report]:
    """One bar per stage, in the order in which the stages begin."""
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(TITLES.get(stage, stage), total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report
