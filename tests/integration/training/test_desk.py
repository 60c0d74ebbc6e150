"""One result a job, whoever else believes to have the job: on real Kafka, with real transactions."""

import uuid

import pytest

from shared.bus.errors import FencedError
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import TrainingRequest, TrainingResult
from tests.integration.conftest import Kafka
from training.worker.board import LeaseLost
from training.worker.desk import ResultDesk
from training.worker.result import failed_result

pytestmark = pytest.mark.kafka


@pytest.fixture
def bus(kafka: Kafka) -> BusSettings:
    """The session's broker."""
    return BusSettings(bootstrap_servers=kafka.bootstrap_servers)


@pytest.fixture
def request_() -> TrainingRequest:
    """A job of its own."""
    return TrainingRequest(job=uuid.uuid4().hex, place="munich", data="tiles", author="ada")


def _committed(bus: BusSettings, job: str) -> list[TrainingResult]:
    with EventReader(bus, (TrainingResult,), start="earliest") as reader:
        events = [event for _, event in reader.read_to_end()]
    return [event for event in events if isinstance(event, TrainingResult) and event.job == job]


def test_two_workers_answer_once(bus: BusSettings, request_: TrainingRequest) -> None:
    """One of them is overtaken between its last look at the lease and its answer: it can commit nothing any more."""
    slow, quick = ResultDesk(bus), ResultDesk(bus)
    late = failed_result(request_, "late", None, attempts=1)
    first = failed_result(request_, "first", None, attempts=2)

    def overtaken() -> None:
        assert quick.give(first, request_.time, check=lambda: None) == first

    with pytest.raises(FencedError):
        slow.give(late, request_.time, check=overtaken)
    assert _committed(bus, request_.job) == [first]
    # Whoever comes later finds what stands, and does not even ask whether the job is its own.
    assert slow.give(late, request_.time, check=pytest.fail) == first
    assert slow.given(request_.job, request_.time) == first
    assert _committed(bus, request_.job) == [first]


def test_who_has_lost_the_job_says_nothing(bus: BusSettings, request_: TrainingRequest) -> None:
    """The lease is asked right before."""

    def lost() -> None:
        raise LeaseLost("another's")

    with pytest.raises(LeaseLost):
        ResultDesk(bus).give(failed_result(request_, "late", None, attempts=1), request_.time, check=lost)
    assert _committed(bus, request_.job) == []
