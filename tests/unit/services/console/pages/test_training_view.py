"""What the page of training jobs shows of what the topics tell."""

from typing import Any

import pytest

from services.console.live.jobs import JobBook
from services.console.pages.training.view import Job, jobs
from shared.bus.envelope import encode
from shared.bus.reader import Read
from shared.bus.record import Record
from shared.events import Event, TrainingProgress, TrainingRequest, TrainingResult
from tests.unit.services.console.pages.state import START


def request(job: str = "job", **more: Any) -> TrainingRequest:
    """Asked for."""
    base = {"job": job, "place": "munich/line-1", "data": "tiles", "author": "ada", "time": START, "note": "new lamp"}
    return TrainingRequest.model_validate(base | more)


def result(job: str = "job", **more: Any) -> TrainingResult:
    """The end."""
    base = {"job": job, "place": "munich/line-1", "state": "failed", "reason": "bad data", "hint": "look"}
    base |= {"time": START}
    return TrainingResult.model_validate(base | more)


def done(job: str = "job", **more: Any) -> TrainingResult:
    """A good end."""
    base = {"state": "done", "reason": None, "version": "v2", "digest": "0" * 64, "threshold": 1.5}
    return result(job, **(base | more))


def progress(job: str = "job", **more: Any) -> TrainingProgress:
    """On the way."""
    base = {"job": job, "state": "running", "stage": "features", "done": 3, "total": 12, "time": START}
    return TrainingProgress.model_validate(base | more)


def read(event: Event) -> Read:
    """As a reader has it."""
    sent = encode(event)
    return Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers), event


def shown(*events: Event, plants: tuple[str, ...] = ("munich",), versions: tuple[str, ...] = ()) -> tuple[Job, ...]:
    """To somebody who may see these plants and versions."""
    book = JobBook()
    for event in events:
        book.take(read(event))
    return jobs(book.jobs(), may_see=lambda plant: plant in plants, known_versions=versions)


def test_a_job_under_way() -> None:
    """What it is at, and how far."""
    (job,) = shown(request(), progress())
    assert (job.state, job.under_way, job.stage, job.share) == ("running", True, "features", 0.25)
    assert (job.kind, job.author, job.note, job.plant) == ("padim, tf_efficientnet_lite0", "ada", "new lamp", "munich")


def test_a_job_that_is_done() -> None:
    """Main metrics apart from the rest; the bar is gone; the version is told, and whether it may be looked at."""
    metrics = {"zeta": 1.0, "auroc": 0.97}
    (job,) = shown(request(), progress(), done(metrics=metrics, seconds=61.0, warnings=("few parts",)))
    assert (job.version, job.version_shown, job.share, job.stage) == ("v2", False, None, None)
    assert (job.metrics, job.other_metrics, job.threshold) == ((("auroc", 0.97),), (("zeta", 1.0),), 1.5)
    assert (job.seconds, job.warnings, job.under_way) == (61, ("few parts",), False)
    assert shown(request(), done(), versions=("v2",))[0].version_shown


def test_a_job_that_failed_says_why() -> None:
    """And what to do."""
    (job,) = shown(request(), progress(), result())
    assert (job.state, job.reason, job.hint) == ("failed", "bad data", "look")


@pytest.mark.parametrize(
    ("place", "plants", "visible"),
    [
        ("munich/line-1", ("munich",), True),
        ("oslo", ("munich",), False),
        ("*", ("munich",), False),
        ("*", ("*",), True),
        ("NOT A KEY", ("munich",), False),
        ("NOT A KEY", ("*",), True),
    ],
)
def test_jobs_of_other_plants_are_not_shown(place: str, plants: tuple[str, ...], visible: bool) -> None:
    """Nor those of all plants, nor those of nobody knows where, but to whoever may see all."""
    assert bool(shown(request(place=place), plants=plants)) is visible


def test_the_book_forgets_what_is_over_first() -> None:
    """What runs stays, however old it is."""
    book = JobBook(max_jobs=4)
    book.take(read(request("at it")))
    book.take(read(progress("at it")))
    for number in range(20):
        book.take(read(done(f"job-{number}")))
    kept = [view.job for view in book.jobs()]
    assert kept[0] == "at it"
    assert len(kept) <= 5
