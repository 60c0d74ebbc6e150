"""The board of jobs on a real Redis: order, leases, fencing, what it remembers; and the intake's step on top of it."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from shared.bus.step import DeadLetter, Emit, Retry
from shared.events import Event, TrainingCancelled, TrainingProgress, TrainingRequest, TrainingResult, now
from shared.settings import RedisSettings
from tests.unit.conformance import StepConformance
from training.worker.board import BoardLost, BoardUnavailable, JobBoard, LeaseLost, Over
from training.worker.intake import IntakeStep
from training.worker.result import result_id

pytestmark = pytest.mark.redis
DATABASE = 9
"""Of the tests' Redis: the other tests leave it alone."""
START = datetime.fromisoformat("2026-11-24T09:00:00+00:00")


def ask(job: str, *, priority: int = 5, age: float = 0.0, **more: Any) -> TrainingRequest:
    """A request, the older the greater `age` (seconds) is."""
    time = START - timedelta(seconds=age)
    base = {"job": job, "place": "munich/line-1", "data": "tiles", "priority": priority, "author": "ada", "time": time}
    return TrainingRequest.model_validate(base | more)


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    """An empty database."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with redis.Redis.from_url(url, decode_responses=True) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def board(client: "redis.Redis", redis_url: str) -> Iterator[JobBoard]:
    """A board without jobs."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    with JobBoard(RedisSettings.model_validate({"url": url})) as board:
        assert client.dbsize() == 0
        board.filled()
        yield board


def test_greater_priority_then_older(board: JobBoard) -> None:
    """Whatever the order of asking; two claims never get the same job."""
    jobs = [
        ask("a"),
        ask("b", age=10),
        ask("c", priority=9),
        ask("d", priority=0, age=1e6),
        ask("e", priority=9, age=1),
    ]
    for request in jobs:
        assert not isinstance(board.add(request), Over)
    claims = [board.claim("w", lease_s=60) for _ in range(len(jobs) + 1)]
    assert [claim.job for claim in claims if claim] == ["e", "c", "b", "a", "d"]
    assert claims[-1] is None
    assert claims[0] is not None
    assert claims[0].request == jobs[4]


def test_a_far_future_does_not_outweigh_a_priority(board: JobBoard) -> None:
    """The sender's clock is anybody's."""
    board.add(ask("late", priority=9, age=-1e11))
    board.add(ask("early", priority=8, age=1e9))
    claim = board.claim("w", lease_s=60)
    assert claim is not None
    assert claim.job == "late"


def test_asked_twice_is_there_once(board: JobBoard) -> None:
    """While it waits, while it is under way, and when it is over."""
    request = ask("job")
    first = board.add(request)
    assert board.add(request) == first
    claim = board.claim("w", lease_s=60)
    assert claim is not None
    held = board.add(request)
    assert not isinstance(held, Over)
    assert held[0] == "running"
    board.finish(claim, "done")
    over = board.add(request)
    assert isinstance(over, Over)
    assert (over.state, over.attempts) == ("done", 1)
    assert board.claim("w", lease_s=60) is None


def test_a_lease_that_runs_out_gives_the_job_to_another(board: JobBoard) -> None:
    """The first holder can do nothing more with it, be it before or after the second one took it."""
    board.add(ask("job"))
    board.add(ask("other", priority=9))
    first = board.claim("w1", lease_s=60)
    assert first is not None
    assert first.job == "other"
    slow = board.claim("w1", lease_s=0.02)
    assert slow is not None
    threading.Event().wait(0.05)
    # Nobody has taken it yet: it goes on.
    assert board.beat(slow, lease_s=0.02) == ""
    threading.Event().wait(0.05)
    second = board.claim("w2", lease_s=60)
    assert second is not None
    assert (second.job, second.facts.attempts, second.facts.reason) == ("job", 2, "its worker w1 is gone")
    assert second.facts.token > slow.facts.token
    for late in (
        lambda: board.beat(slow, lease_s=60),
        lambda: board.put_back(slow, counted=True, reason="late"),
        lambda: board.finish(slow, "failed"),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert board.beat(second, lease_s=60) == ""
    board.finish(second, "done")
    with pytest.raises(LeaseLost):
        board.beat(second, lease_s=60)
    assert board.beat(first, lease_s=60) == ""


def test_one_job_has_one_holder(board: JobBoard) -> None:
    """Many workers at once: every job is claimed once."""
    names = {f"job-{number}" for number in range(40)}
    for name in names:
        board.add(ask(name))
    got: list[str] = []

    def work() -> None:
        while (claim := board.claim("w", lease_s=60)) is not None:
            got.append(claim.job)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(names)


def test_put_back_counts_or_not(board: JobBoard) -> None:
    """With its reason, in its old place."""
    board.add(ask("job", age=5))
    board.add(ask("younger"))
    for counted, attempts in ((False, 1), (True, 2), (True, 3)):
        claim = board.claim("w", lease_s=60)
        assert claim is not None
        assert claim.job == "job"
        board.put_back(claim, counted=counted, reason="a crash")
        again = board.claim("w", lease_s=60)
        assert again is not None
        assert (again.job, again.facts.attempts, again.facts.reason) == ("job", attempts, "a crash")
        board.put_back(again, counted=False, reason="a crash")


def test_a_board_that_was_lost_is_no_empty_board(board: JobBoard, client: "redis.Redis") -> None:
    """It is said, so that it is filled again; what has its result is remembered, not done again."""
    board.add(ask("running"))
    claim = board.claim("w", lease_s=60)
    assert claim is not None
    client.flushdb()
    with pytest.raises(BoardLost):
        board.claim("w", lease_s=60)
    with pytest.raises(BoardLost):
        board.cancel(TrainingCancelled(job="running", by="bob"))
    with pytest.raises(LeaseLost):
        board.beat(claim, lease_s=60)
    board.remember(ask("over"), "failed", attempts=2)
    board.add(ask("running"), cancelled="bob")
    board.filled()
    over = board.add(ask("over"))
    assert isinstance(over, Over)
    assert (over.state, over.attempts, over.by) == ("failed", 2, "")
    again = board.claim("w", lease_s=60)
    assert again is not None
    assert (again.job, again.facts.cancelled) == ("running", "bob")
    # A result that the topic tells of does not take the job from who is about to take it off the board.
    board.remember(ask("running"), "done", attempts=1)
    assert board.beat(again, lease_s=60) == "bob"


def test_names_that_begin_alike_are_different(board: JobBoard) -> None:
    """And so is whatever a name is made of."""
    names = ["job", "job-1", "job ", "jöb", "[job", "(job", "*"]
    for name in names:
        board.add(ask(name, note=name))
    claims = [board.claim("w", lease_s=60) for _ in names]
    assert {claim.job: claim.request.note for claim in claims if claim} == {name: name for name in names}
    for claim in claims:
        assert claim is not None
        board.finish(claim, "done")


def test_a_redis_that_is_away_is_told_in_one_line() -> None:
    """With a hint."""
    with JobBoard(RedisSettings.model_validate({"url": "redis://127.0.0.1:1", "timeout_s": 0.2})) as board:
        with pytest.raises(BoardUnavailable) as caught:
            board.claim("w", lease_s=60)
        assert "\n" not in caught.value.line
        assert "redis.url" in caught.value.line
        (result,) = IntakeStep(board, [Path("/photos")])([ask("job")])
        assert isinstance(result, Retry)


class TestIntake(StepConformance):
    """Requests and a cancellation in one batch."""

    @pytest.fixture
    def step(self, board: JobBoard, tmp_path: Path) -> IntakeStep:
        """One root."""
        return IntakeStep(board, [tmp_path])

    @pytest.fixture
    def events(self, board: JobBoard) -> Sequence[Event]:
        """Two new jobs, and the end of one that is there."""
        board.add(ask("unwanted"))
        return [ask("one"), TrainingCancelled(job="unwanted", by="bob"), ask("two", priority=9)]

    @pytest.fixture
    def bad_event(self) -> Event:
        """Data that are not the trainer's to read."""
        return ask("bad", data="/etc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with data, and a link out of it."""
    root = tmp_path / "root"
    (root / "tiles").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "way out").symlink_to(tmp_path / "secret")
    (root / "way in").symlink_to(root / "tiles")
    return root


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"data": "../secret"}, "does not lie below one of the trainer's folders"),
        ({"data": "tiles/../../secret"}, "does not lie below"),
        ({"data": "way out"}, "does not lie below"),
        ({"data": "way out/deeper"}, "does not lie below"),
        ({"data": "/"}, "does not lie below"),
        ({"data": "a\0b"}, "is no path"),
        ({"data": "s3://bucket/tiles"}, "must be a path, not a URL"),
        ({"place": "Not//A/Place"}, "is no place"),
        ({"spec": {"rule": "magic"}}, "there is no rule 'magic'"),
        ({"spec": {"weights": "folder:/etc"}}, "the weights /etc does not lie below"),
    ],
)
def test_what_can_never_be_done_is_a_dead_letter(board: JobBoard, root: Path, more: dict[str, Any], told: str) -> None:
    """In one line with a hint; nothing of it reaches the board."""
    (result,) = IntakeStep(board, [root])([ask("job", **more)])
    assert isinstance(result, DeadLetter)
    assert told in result.reason
    assert "\n" not in result.reason
    assert board.claim("w", lease_s=60) is None


def test_without_roots_every_request_is_refused(board: JobBoard) -> None:
    """The setting is named."""
    (result,) = IntakeStep(board, [])([ask("job")])
    assert isinstance(result, DeadLetter)
    assert "training.data_roots" in result.reason


@pytest.mark.parametrize("data", ["tiles", "way in", "tiles/deeper/..", "not there yet"])
def test_what_lies_below_a_root_is_taken(board: JobBoard, root: Path, data: str) -> None:
    """By a relative path, an absolute one, or a link that stays within."""
    for text in (data, str(root / data)):
        job = uuid.uuid4().hex
        (result,) = IntakeStep(board, [root.parent / "gone", root])([ask(job, data=text)])
        assert isinstance(result, Emit)
        assert [event.job for event in result.events if isinstance(event, TrainingProgress)] == [job]


def test_a_job_under_a_name_that_is_taken(board: JobBoard, root: Path) -> None:
    """The same request is the same job; another one is refused, be the first under way or over."""
    told: list[str] = []
    step = IntakeStep(board, [root], arrived=lambda: told.append("arrived"))
    (first,) = step([ask("job")])
    (again,) = step([ask("job").model_copy(update={"id": "another event", "time": now()})])
    assert first.events[0].id == again.events[0].id
    assert len(told) == 2
    for _ in range(2):
        (other,) = step([ask("job", note="otherwise")])
        assert isinstance(other, DeadLetter)
        assert "take a new job id" in other.reason
        if (claim := board.claim("w", lease_s=60)) is not None:
            assert step([ask("job")]) == [Emit(())]
            board.finish(claim, "done")
    assert step([ask("job")]) == [Emit(())]


def test_cancelling(board: JobBoard, root: Path) -> None:
    """What waits is answered at once, by the event that did it and by no other; what is under way is its worker's."""
    step = IntakeStep(board, [root])
    (unknown,) = step([TrainingCancelled(job="nobody's", by="bob")])
    assert isinstance(unknown, DeadLetter)
    step([ask("waits"), ask("runs", priority=9)])
    claim = board.claim("w", lease_s=60)
    assert claim is not None
    assert step([TrainingCancelled(job="runs", by="bob")]) == [Emit(())]
    assert board.beat(claim, lease_s=60) == "bob"
    word = TrainingCancelled(job="waits", by="bob")
    for _ in range(2):
        (answer,) = step([word])
        assert isinstance(answer, Emit)
        (result,) = answer.events
        assert isinstance(result, TrainingResult)
        assert (result.id, result.state, result.place) == (result_id("waits"), "cancelled", "munich/line-1")
    assert step([TrainingCancelled(job="waits", by="carl")]) == [Emit(())]
    assert board.claim("w", lease_s=60) is None
