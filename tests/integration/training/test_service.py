"""`linegate serve train` on real Kafka and Redis, with tiny data and random weights: plumbing, not quality."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.redis import RedisServer
from shared.errors import LinegateError
from shared.events import TrainingCancelled, TrainingResult
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.settings import StoreSettings
from shared.store import ArtifactStore
from tests.integration.conftest import Kafka
from tests.integration.training.service import SPEC, TrainingService
from tests.unit.training.pictures import write_photos
from training.cli import train
from training.jobs.follow import JobRefused

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that the workers may read, with one data set."""
    root = tmp_path_factory.mktemp("photos")
    write_photos(root / "tiles", good=40, damaged=6)
    return root


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that may be emptied."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, kafka: Kafka, server: RedisServer, photos: Path) -> Iterator[TrainingService]:
    """No worker yet."""
    service = TrainingService(tmp_path, kafka, server, photos)
    yield service
    service.close()


def linegate(service: TrainingService, *words: str) -> tuple[int, str]:
    """`linegate train`: exit status and what it said; an expected error is raised, as the root command would get it."""
    env = {"KAFKA_BOOTSTRAP_SERVERS": service.bus.bootstrap_servers, "COLUMNS": "250", "USER": "ada"}
    done = CliRunner().invoke(train, words, env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_request_leads_to_a_candidate(service: TrainingService, tmp_path: Path) -> None:
    """Registered with place, parent and job; bundle and papers in the store; the free station set; told all the way."""
    service.worker()
    request = service.request(version=f"{service.plant}-v1", note="first")
    service.publish(request)
    result = service.result(request.job)
    assert result.state == "done", result
    (record,) = service.versions()
    assert (record.version, record.digest, record.job) == (result.version, result.digest, request.job)
    assert (record.author, record.note, str(record.place)) == ("ada", "first", f"{service.plant}/line-1/*/*/*")
    assert record.calibration is not None
    assert result.threshold == record.calibration.threshold
    assert result.metrics == record.metrics
    assert any("random weights" in warning for warning in result.warnings)
    store = ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "other"))
    assert store.names(record.digest) == ["model-card.md", "report.html"]
    with Registry(service.redis) as registry:
        station = registry.stations()[PlaceKey.parse(request.place).root]
        assert registry.assignment(PlaceKey.parse(request.place)) is None, "a candidate is put nowhere"
    assert (station.record.policy, station.record.height) == ("full_frame", 32)
    service.wait(lambda: any(word.state == "queued" for word in service.progress(request.job)), "the first word")
    told = sorted(service.progress(request.job), key=lambda word: word.time)
    assert told[0].state == "queued"
    assert [stage for stage in dict.fromkeys(word.stage for word in told) if stage] == [
        *("read", "crop", "features", "factorise", "calibrate", "test", "publish"),
    ]
    # The same again is done already; another one must not take the name.
    service.publish(request)
    again = (
        "request",
        "tiles",
        "--place",
        request.place,
        "--version",
        f"{service.plant}-v1",
        "--job",
        f"{service.plant}-2",
    )
    status, said = linegate(service, *again, "--weights", "random:1", "--crop", "full_frame", "--follow")
    assert status == 1
    assert f"failed: version {service.plant}-v1 is registered already" in said
    service.settle()
    assert len(service.results(request.job)) == 1
    assert len(service.versions()) == 1
    service.wait(lambda: not list((service.folder / "work").iterdir()), "the end of what was only for the work")
    status, listed = linegate(service, "jobs")
    assert status == 0
    (line,) = [line for line in listed.splitlines() if request.job in line]
    assert all(word in line for word in ("done", request.place, "tiles", "ada", f"version {service.plant}-v1"))
    assert linegate(service, "follow", request.job)[0] == 0
    assert linegate(service, "follow", f"{service.plant}-2")[0] == 1
    with pytest.raises(LinegateError, match="is over: done"):
        linegate(service, "cancel", request.job)
    with pytest.raises(JobRefused, match="does not lie below one of the trainer's folders"):
        linegate(service, "request", "/etc", "--place", request.place, "--follow")


def test_jobs_go_by_priority_and_may_be_cancelled(service: TrainingService) -> None:
    """One at a time; what nobody wants is given up, waiting or under way; what cannot be done is tried once."""
    worker = service.worker(LINEGATE_TRAINING__MAX_ATTEMPTS="2")
    running = service.request(priority=9, spec=SPEC.model_copy(update={"height": 512, "width": 512}))
    service.publish(running)
    service.wait(lambda: service.fitting(worker), "its fitting process")
    low, high, unwanted, dying = (
        service.request("gone", priority=1),
        service.request("gone/too", priority=8),
        service.request(priority=9),
        service.request(priority=0),
    )
    service.publish(low, high, unwanted, dying)
    for waiting in (low, high, unwanted, dying):
        service.wait(lambda waiting=waiting: service.progress(waiting.job), "the word that it waits")
    service.publish(TrainingCancelled(job=unwanted.job, by="bob"))
    assert service.result(unwanted.job).state == "cancelled"
    assert not service.results(low.job) + service.results(high.job), "one at a time"
    service.publish(TrainingCancelled(job=running.job, by="bob"))
    assert service.result(running.job).state == "cancelled"
    for attempt in (1, 2):
        service.wait(
            lambda attempt=attempt: (
                any(t.attempt == attempt and t.state == "running" for t in service.progress(dying.job))
                and service.fitting(worker)
            ),
            f"attempt {attempt}",
        )
        os.kill(service.fitting(worker)[0], signal.SIGKILL)
    died = service.result(dying.job)
    assert (died.state, died.attempts) == ("failed", 2)
    assert "given up after 2 attempt(s); the last one: the fitting process was ended by SIGKILL" in str(died.reason)
    for request in (low, high):
        failed = service.result(request.job)
        assert (failed.state, failed.attempts) == ("failed", 1)
        assert "does not exist" in str(failed.reason)
    order = [event.job for event in service.events if isinstance(event, TrainingResult)]
    assert order.index(high.job) < order.index(low.job) < order.index(dying.job)
    assert service.versions() == []
    service.wait(lambda: not list((service.folder / "work").iterdir()), "the end of what was only for the work")


def test_another_worker_takes_over(service: TrainingService) -> None:
    """From one that stood still for longer than its lease, which then publishes nothing; and from one that was killed,
    with its fitting process, while Redis lost everything: one version and one result a job.
    """  # noqa: D205 - one sentence
    first = service.worker()
    stalled = service.request()
    service.publish(stalled)
    service.wait(lambda: service.fitting(first), "a fitting process")
    first.send_signal(signal.SIGSTOP)
    second = service.worker()
    result = service.result(stalled.job)
    assert (result.state, result.attempts) == ("done", 2)
    assert [(record.digest, record.job) for record in service.versions()] == [(result.digest, stalled.job)]
    first.send_signal(signal.SIGCONT)
    service.wait(lambda: "nothing of it is published" in service.tails(), "the word that the job is lost")
    service.wait(lambda: not service.fitting(first), "the end of its fitting process")
    service.stop(first)
    orphan, waiting = service.request(priority=9), service.request("gone")
    service.publish(orphan, waiting)
    service.stage(orphan.job, "read", "crop", "features", "factorise", "calibrate", "test")
    (child,) = service.fitting(second)
    second.kill()
    second.wait()
    service.wait(lambda: not Path(f"/proc/{child}").exists(), "the end of the orphan")
    third = service.worker()
    service.wait(lambda: any(word.attempt == 2 for word in service.progress(orphan.job)), "its second attempt")
    service.empty()
    # Both come back from the topics, also the one that is under way; of the answered job nothing is made again.
    assert service.result(orphan.job).state == "done"
    assert service.result(waiting.job).state == "failed"
    service.stop(third)
    service.settle()
    assert all(len(service.results(request.job)) == 1 for request in (stalled, orphan, waiting))
    assert [record.job for record in service.versions()] == [orphan.job]
