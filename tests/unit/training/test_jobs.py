"""What a list of jobs says, from what the topics tell, in whatever order they tell it."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from rich.console import Console

from shared.bus.dead_letter import dead_letter
from shared.bus.envelope import encode
from shared.bus.reader import Read
from shared.bus.record import Record
from shared.events import Event, TrainingProgress, TrainingRequest, TrainingResult, now
from shared.training_jobs.views import JobView, fold, in_order
from training.jobs.table import how_it_stands, jobs_table

START = now()


def request(job: str = "job", **more: Any) -> TrainingRequest:
    """Asked for at the start."""
    base = {"job": job, "place": "munich", "data": "tiles", "author": "ada", "time": START}
    return TrainingRequest.model_validate(base | more)


def progress(state: str, seconds: float, **more: Any) -> TrainingProgress:
    """Told so many seconds later."""
    base = {"job": "job", "state": state, "time": START + timedelta(seconds=seconds)}
    return TrainingProgress.model_validate(base | more)


def failed(**more: Any) -> TrainingResult:
    """The end."""
    base = {"job": "job", "place": "munich", "state": "failed", "reason": "bad data"}
    return TrainingResult.model_validate(base | more)


def read(event: Event) -> Read:
    """As a reader has it."""
    sent = encode(event)
    return Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers), event


def letter(event: TrainingRequest, reason: str) -> Read:
    """Its dead letter."""
    dead = dead_letter(read(event)[0], reason, worker="test")
    return Record(dead.topic, 0, 0, 0, dead.key, dead.value, dead.headers), event


def view_of(*reads: Read) -> JobView:
    """What they tell of one job."""
    views: dict[str, JobView] = {}
    for one in reads:
        fold(views, one)
    (view,) = views.values()
    return view


def shown(views: Sequence[JobView]) -> str:
    """The table as a person sees it."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(jobs_table(views))
    return captured.get()


WORDS = (
    read(request()),
    read(progress("queued", 1)),
    read(progress("running", 2, stage="crop", done=5, total=20)),
    read(progress("running", 3, stage="crop", done=9, total=20)),
)


@pytest.mark.parametrize("order", list(permutations(range(len(WORDS)))))
def test_the_latest_word_counts(order: tuple[int, ...]) -> None:
    """Partitions and transactions bring them in any order."""
    view = view_of(*(WORDS[index] for index in order))
    assert view.state == "running"
    assert how_it_stands(view) == "crop 45%"
    assert view.request is not None


def test_how_it_stands() -> None:
    """From asked to over."""
    assert how_it_stands(view_of(WORDS[0])) == "no trainer has taken it yet"
    assert how_it_stands(view_of(*WORDS[:2])) == ""
    again = progress("queued", 4, attempt=2)
    assert how_it_stands(view_of(*WORDS, read(again))) == "waits for attempt 2"
    second = progress("running", 5, attempt=2)
    assert how_it_stands(view_of(*WORDS, read(again), read(second))) == "begun, attempt 2"
    assert how_it_stands(view_of(*WORDS, read(failed()))) == "bad data"
    done = failed(state="done", reason=None, version="v1", digest="0" * 64)
    assert how_it_stands(view_of(*WORDS, read(done))) == "version v1"
    refused = view_of(WORDS[0], letter(request(), "outside"))
    assert (refused.state, how_it_stands(refused)) == ("refused", "outside")


def test_a_second_request_under_the_name_changes_nothing() -> None:
    """It is refused, and the job goes on."""
    view = view_of(*WORDS, letter(request(data="other"), "asked for already"), read(request(data="other")))
    assert view.state == "running"
    assert view.request is not None
    assert view.request.data == "tiles"


def test_the_order_of_the_list() -> None:
    """Running, waiting as they will be begun, over."""
    views: dict[str, JobView] = {}
    for name, priority, seconds in (("old", 5, 0), ("young", 5, 9), ("urgent", 9, 9)):
        fold(views, read(request(name, priority=priority, time=START + timedelta(seconds=seconds))))
        fold(views, read(progress("queued", 10, job=name)))
    fold(views, read(request("over")))
    fold(views, read(failed(job="over")))
    fold(views, read(progress("running", 11, job="at it")))
    ordered = in_order(views.values())
    assert [view.job for view in ordered] == ["at it", "urgent", "old", "young", "over"]
    told = shown(ordered)
    assert told.index("at it") < told.index("urgent") < told.index("over")


def test_foreign_text_is_no_markup() -> None:
    """A data set may be called anything."""
    assert "[red]x[/red]" in shown([view_of(read(request(data="[red]x[/red]")))])
