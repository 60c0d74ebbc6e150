"""Faults are raised once, repeated under one id, cleared once, and never hold anybody up."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from queue import Empty, Queue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import LinegateError
from shared.events import Fault
from shared.faults import FaultReporter, Report

PATIENCE = 30.0
AWAY = Report("registry_away", "error", "Redis does not answer", hint="start it")


class Kafka:
    """Takes events while it is up; refuses or keeps silent while it is not."""

    def __init__(self) -> None:
        self.taken: Queue[Fault] = Queue()
        self.refused: Queue[Fault] = Queue()
        self.up = True

    def publish(self, event: Fault) -> "Future[object]":
        """As `EventPublisher.publish`."""
        future: Future[object] = Future()
        if self.up:
            self.taken.put(event)
            future.set_result(None)
        else:
            self.refused.put(event)
            future.set_exception(LinegateError("Kafka is away"))
        return future

    def next(self) -> Fault:
        """The next event taken."""
        return self.taken.get(timeout=PATIENCE)

    def nothing_more(self) -> None:
        """No other event was taken."""
        with pytest.raises(Empty):
            self.taken.get_nowait()


@pytest.fixture
def kafka() -> Kafka:
    """A Kafka that is up."""
    return Kafka()


@contextmanager
def reporting(kafka: Kafka, *, repeat_s: float = 3600) -> Iterator[FaultReporter]:
    """A running reporter."""
    with FaultReporter(kafka.publish, worker="score", instance="pod-1", repeat_s=repeat_s) as reporter:
        yield reporter


def test_raised_once_and_cleared_once(kafka: Kafka) -> None:
    """However often it is said; key and severity are kept, the ids differ."""
    with reporting(kafka) as faults:
        for _ in range(5):
            faults.raised(AWAY)
        raised = kafka.next()
        for _ in range(5):
            faults.cleared("registry_away")
        cleared = kafka.next()
    kafka.nothing_more()
    assert (raised.state, cleared.state) == ("raised", "cleared")
    assert raised.key == cleared.key == "score/pod-1/registry_away/"
    assert raised.since == cleared.since
    assert raised.id != cleared.id
    assert (raised.detail, raised.hint, raised.severity) == (AWAY.detail, AWAY.hint, "error")
    assert raised.expires is not None
    assert raised.expires - raised.time == timedelta(seconds=3 * 3600)


def test_what_never_was_is_not_cleared(kafka: Kafka) -> None:
    """A component may say that all is well as often as it likes."""
    with reporting(kafka) as faults:
        faults.cleared("registry_away")
        faults.exactly("model_not_loaded", [])
        faults.raised(AWAY)
    assert kafka.next().state == "raised"
    kafka.nothing_more()


def test_a_fault_that_lasts_is_repeated_under_its_id(kafka: Kafka) -> None:
    """And with the latest wording; its end moves on."""
    with reporting(kafka, repeat_s=0.05) as faults:
        faults.raised(AWAY)
        first = kafka.next()
        faults.raised(Report("registry_away", "error", "Redis answers nonsense"))
        words = [kafka.next() for _ in range(4)]
        assert {event.id for event in words} == {first.id}
        assert words[-1].detail == "Redis answers nonsense"
        assert first.expires is not None
        assert words[-1].expires is not None
        assert words[-1].expires > first.expires
        assert words[-1].since == first.since


def test_a_fault_that_comes_back_is_a_new_one_of_the_same_key(kafka: Kafka) -> None:
    """So that a subscriber can tell how often, and still show one line."""
    with reporting(kafka) as faults:
        faults.raised(AWAY)
        first = kafka.next()
        faults.cleared("registry_away")
        kafka.next()
        faults.raised(AWAY)
        second = kafka.next()
    assert first.key == second.key
    assert first.id != second.id


def test_a_worse_severity_is_told_at_once(kafka: Kafka) -> None:
    """Parts wait now: that is news."""
    with reporting(kafka) as faults:
        faults.raised(AWAY)
        first = kafka.next()
        faults.raised(Report("registry_away", "critical", "and nothing is known"))
        second = kafka.next()
    assert (second.severity, second.since) == ("critical", first.since)
    assert second.id != first.id


def test_all_faults_of_a_kind_at_once(kafka: Kafka) -> None:
    """Those that are not named are over; other kinds are left alone."""

    def missing(subject: str) -> Report:
        return Report("model_not_loaded", "error", f"{subject} is damaged", subject=subject)

    with reporting(kafka) as faults:
        faults.raised(AWAY)
        kafka.next()
        faults.exactly("model_not_loaded", [missing("a"), missing("b")])
        assert {kafka.next().subject for _ in range(2)} == {"a", "b"}
        faults.exactly("model_not_loaded", [missing("b"), missing("c")])
        assert {(e.subject, e.state) for e in (kafka.next(), kafka.next())} == {("a", "cleared"), ("c", "raised")}
        assert {report.subject for report in faults.open} == {"", "b", "c"}


def test_while_kafka_is_away_the_latest_state_is_kept(kafka: Kafka) -> None:
    """Nothing piles up and nobody waits; when it is back, what holds is told, and what is over too."""
    kafka.up = False
    with reporting(kafka) as faults:
        for number in range(100):
            faults.raised(Report("disk_full", "warning", f"attempt {number}"))
            faults.cleared("disk_full")
        faults.raised(AWAY)
        for _ in range(2):
            kafka.refused.get(timeout=PATIENCE)
        kafka.up = True
        told = {(event.kind, event.state) for event in (kafka.next(), kafka.next())}
    assert told == {("disk_full", "cleared"), ("registry_away", "raised")}
    kafka.nothing_more()


def test_the_last_word_is_said_before_the_process_ends(kafka: Kafka) -> None:
    """A worker that gives up still tells why."""
    with reporting(kafka) as faults:
        faults.raised(Report("dead_letter_flood", "critical", "the worker ended"))
    assert kafka.next().kind == "dead_letter_flood"


def test_a_publisher_that_hangs_or_raises_holds_nobody_up() -> None:
    """`raised` returns although no answer ever comes; a publisher that raises does not end the reporter."""
    asked: Queue[Fault] = Queue()
    told = Kafka()

    def publish(event: Fault) -> "Future[object]":
        asked.put(event)
        if asked.qsize() == 1:
            raise RuntimeError("broken")
        return told.publish(event)

    with FaultReporter(publish, worker="score", instance="pod-1", repeat_s=3600) as faults:
        faults.raised(AWAY)
        assert told.next().kind == "registry_away"

    silent: Future[object] = Future()
    reporter = FaultReporter(lambda _: silent, worker="score", instance="pod-1", repeat_s=3600)
    with reporter as faults:
        faults.raised(AWAY)
        faults.cleared("registry_away")
        faults.raised(AWAY)
        silent.set_result(None)
    assert "fault-reporter" not in [thread.name for thread in threading.enumerate()]


def test_long_and_multi_line_texts_still_travel(kafka: Kafka) -> None:
    """A subject may be a path of any length, a detail an exception's text."""
    with reporting(kafka) as faults:
        faults.raised(Report("disk_failed", "warning", "one\ntwo " + "x" * 5000, subject="/very/long" * 100))
    event = kafka.next()
    assert "\n" not in event.detail
    assert len(event.key) <= 512


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["raise", "clear", "up", "down"]), st.sampled_from(["a", "b", "c"])), max_size=25
    )
)
def test_the_last_word_is_always_the_truth(changes: list[tuple[str, str]]) -> None:
    """Whatever happens in whatever order, Kafka up or down: who reads to the end knows what holds."""
    kafka = Kafka()
    holds: set[str] = set()
    with reporting(kafka) as faults:
        for change, subject in changes:
            match change:
                case "raise":
                    faults.raised(Report("model_not_loaded", "error", "damaged", subject=subject))
                    holds.add(subject)
                case "clear":
                    faults.cleared("model_not_loaded", subject)
                    holds.discard(subject)
                case _:
                    kafka.up = change == "up"
        kafka.up = True
    read = [kafka.taken.get_nowait() for _ in range(kafka.taken.qsize())]
    last = {event.subject: event.state for event in read}
    assert {subject for subject, state in last.items() if state == "raised"} == holds
    for subject, state in last.items():
        told = [event.state for event in read if event.subject == subject]
        assert told == [state_ for n, state_ in enumerate(told) if n == 0 or told[n - 1] != state_], "told twice"
        assert state == told[-1]
