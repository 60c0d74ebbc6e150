"""Show a job on the terminal until it is over."""

from rich.console import Console
from rich.text import Text

from shared.bus.reader import EventReader
from shared.errors import LinegateError
from shared.events import TrainingProgress, TrainingRequest, TrainingResult
from shared.training_jobs.views import JobView, fold, refusal_of
from training.progress import bars


class JobRefused(LinegateError):
    """The training service does not take the request."""


def follow(reader: EventReader, view: JobView, console: Console, *, request: str | None = None) -> TrainingResult:
    """Bars from the job's progress; returns when the result is there.

    Args:
        reader: of `shared.training_jobs.views.open_reader`, opened before the job was asked for, or read up to `view`.
        view: what is known of the job already.
        console: where the bars go.
        request: id of the request, where it was just sent: its dead letter is then the answer.

    Raises:
        JobRefused: the request became a dead letter.
        KafkaFailedError: Kafka refused for good.
    """
    views = {view.job: view}
    with bars(console) as report:
        shown: TrainingProgress | None = None
        while view.result is None:
            told = view.progress
            if told is not None and told is not shown:
                if shown is not None and shown.stage != told.stage and shown.stage and shown.total:
                    report(shown.stage, shown.total, shown.total)
                if told.state == "queued":
                    console.print("waits" if told.attempt == 1 else f"waits for attempt {told.attempt}", markup=False)
                elif told.stage is not None:
                    report(told.stage, told.done, told.total)
                shown = told
            if (read := reader.poll(1.0)) is None:
                continue
            about = fold(views, read)
            event = read[1]
            if about is not view or not read[0].topic.endswith(".dlq") or not isinstance(event, TrainingRequest):
                continue
            if event.id == request or (request is None and view.progress is None):
                raise JobRefused(f"job {view.job} is refused: {refusal_of(read)}")
        if shown is not None and shown.stage and shown.total:
            report(shown.stage, shown.total, shown.total)
    return view.result


def print_result(console: Console, result: TrainingResult) -> None:
    """What became of a job. What comes from outside is printed as plain text."""
    match result.state:
        case "done":
            console.print(Text(f"{result.version} is a candidate at {result.place}"))
            facts = {**result.metrics, **({} if result.threshold is None else {"threshold": result.threshold})}
            for name, value in facts.items():
                console.print(Text(f"  {name}  {value:.6g}"))
            console.print(Text(f"  sha256  {result.digest}", style="dim"))
        case "failed":
            console.print(Text(f"failed: {result.reason}", style="red"))
            if result.hint is not None:
                console.print(Text(f"hint: {result.hint}"))
        case "cancelled":
            console.print(Text("cancelled"))
    for warning in result.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
