"""`linegate serve train` on real Kafka and Redis, with tiny data and random weights: plumbing, not quality."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.redis import RedisServer
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.settings import StoreSettings
from shared.store import ArtifactStore
from tests.integration.conftest import Kafka
from tests.integration.training.service import TrainingService
from tests.unit.training.pictures import write_photos

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


def test_a_request_leads_to_a_candidate(service: TrainingService, tmp_path: Path) -> None:
    """Registered with place, parent and job; bundle and papers in the store; the free station set; told all the way."""
    worker = service.worker()
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
    # The same again, and once more after the worker is another.
    service.publish(request)
    service.stop(worker)
    service.worker()
    again = service.request(version=f"{service.plant}-v1")
    service.publish(request, again)
    assert service.result(again.job).state == "failed"
    assert "registered already" in str(service.result(again.job).reason)
    service.settle()
    assert len(service.results(request.job)) == 1
    assert len(service.versions()) == 1
    assert list((tmp_path / "work").iterdir()) == []
