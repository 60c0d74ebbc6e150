"""The archive step on a real store; what needs Kafka is in tests/integration/archive."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.archive.choice import Choice, sampled
from services.archive.metrics import ArchiveMetrics
from services.archive.pictures import PictureKeeper
from services.archive.rows import RowWriter
from services.archive.step import DONE, ArchiveStep
from shared.bus.settings import BusSettings
from shared.bus.step import DeadLetter, Retry
from shared.events import Event, PartAnomalyMap
from shared.evidence import EvidenceShelf, HeatRange, LiveEvidence, day_of, range_of
from shared.history import History, Scope
from shared.history.files import HistoryFiles
from shared.images import encode_png
from shared.settings import StoreSettings
from shared.settings.plants import PlantsSettings
from tests.unit.conformance import StepConformance
from tests.unit.faults import Told
from tests.unit.services.archive.archived import LIMITS, NOON, verdict
from tests.unit.services.events import picture
from tests.unit.services.labels.parts import STAMP

PNG = encode_png(picture()[..., 0])


def a_map(name: str = "1", **more: Any) -> PartAnomalyMap:
    """The map of a photo."""
    fields = {
        "id": f"map-{name}", "image": f"photo-{name}", "part": f"P{name}", "plant": "munich", "line": "line-1",
        "captured": NOON, "version": "us-1", "low": 0.5, "high": 3.0, "mediatype": "image/png", "pixels": PNG,
    }  # fmt: skip
    return PartAnomalyMap.model_validate(fields | more)


def step_on(folder: Path, *, faults: Told | None = None, keep_passed: float = 0.0) -> ArchiveStep:
    """The step with a store of its own. Kafka is nowhere: verdicts that name no records ask for none."""
    store = StoreSettings(url=str(folder))
    metrics = ArchiveMetrics()
    live = LiveEvidence(BusSettings(bootstrap_servers="127.0.0.1:1", call_budget_s=0.5))
    return ArchiveStep(
        RowWriter(HistoryFiles(store), LIMITS, metrics),
        PictureKeeper(EvidenceShelf(store), live, metrics),
        Choice(keep_passed),
        faults=faults or Told(),
    )


def archived(folder: Path) -> list[str]:
    """Ids of the verdicts in the history."""
    found = History(StoreSettings(url=str(folder)), PlantsSettings(), LIMITS).rows(Scope())
    return [row["id"] for row in found]


class TestArchiveStep(StepConformance):
    """The common suite."""

    @pytest.fixture
    def step(self, tmp_path: Path) -> ArchiveStep:
        """On a folder."""
        return step_on(tmp_path)

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """Verdicts and maps."""
        nowhere = {"photo": None, "crop": None}
        return [
            verdict("1", **nowhere), verdict("2", decision="fail", **nowhere), a_map("2"),
            verdict("3", plant="pune", **nowhere), a_map("4"),
        ]  # fmt: skip

    @pytest.fixture
    def bad_event(self) -> Event:
        """A number that no column holds."""
        return verdict("9", model=STAMP.model_copy(update={"revision": 2**64}))


def test_a_map_that_is_none_is_a_dead_letter(tmp_path: Path) -> None:
    """Its neighbours are kept."""
    step = step_on(tmp_path)
    jpeg = a_map("1", pixels=b"\xff\xd8", mediatype="image/jpeg")
    bad, good = step([jpeg, a_map("2")])
    assert isinstance(bad, DeadLetter)
    assert good == DONE
    shelf = EvidenceShelf(StoreSettings(url=str(tmp_path)))
    kept = shelf.get("munich", day_of(NOON), "photo-2", "map")
    assert kept is not None
    assert range_of(kept, 2.0) == HeatRange(0.5, 3.0, 2.0)
    assert shelf.get("munich", day_of(NOON), "photo-1", "map") is None


def test_maps_of_parts_that_are_passed_over_are_not_kept(tmp_path: Path) -> None:
    """As `score.maps = always` sends them."""
    step = step_on(tmp_path)
    nowhere = {"photo": None, "crop": None}
    step([verdict("1", **nowhere), verdict("2", decision="fail", **nowhere), a_map("1"), a_map("2"), a_map("3")])
    shelf = EvidenceShelf(StoreSettings(url=str(tmp_path)))
    kept = [name for name in "123" if shelf.get("munich", day_of(NOON), f"photo-{name}", "map")]
    assert kept == ["2", "3"]


@pytest.mark.parametrize("event", [verdict, a_map])
def test_a_store_that_is_away_holds_everything_back(tmp_path: Path, event: Callable[..., Event]) -> None:
    """Nothing is lost: it waits, the fault is told, and is over when the store is back."""
    told = Told()
    store = tmp_path / "store"
    step = step_on(store, faults=told)
    store.write_bytes(b"not a folder")
    more = {"photo": None, "crop": None} if event is verdict else {}
    batch: list[Any] = [event("1", **more), event("2", **more)]
    assert all(isinstance(result, Retry) for result in step(batch))
    assert told.kinds == ["store_away"]
    store.unlink()
    assert step(batch) == [DONE, DONE]
    assert told.kinds == []
    if event is verdict:
        assert archived(store) == ["verdict-1", "verdict-2"]


def test_a_kafka_that_is_away_holds_the_pictures_back(tmp_path: Path) -> None:
    """The first that cannot be fetched, and with it those behind it, without asking for each of them in vain."""
    step = step_on(tmp_path)
    nowhere = {"photo": None, "crop": None}
    first, second, third = step([verdict("1"), verdict("2", decision="fail"), verdict("3", **nowhere)])
    assert first == DONE
    assert isinstance(second, Retry)
    assert third == second


def test_pictures_of_which_kafka_knows_nothing_stop_nothing(tmp_path: Path) -> None:
    """A verdict of an older score worker names no records."""
    assert step_on(tmp_path)([verdict("1", decision="fail", photo=None, crop=None)]) == [DONE]
    assert archived(tmp_path) == ["verdict-1"]


def test_the_sample_is_the_same_everywhere() -> None:
    """By the part's name alone, and as large as was asked for."""
    assert not any(sampled(f"P{n}", 0.0) for n in range(1000))
    assert all(sampled(f"P{n}", 1.0) for n in range(1000))
    chosen = [n for n in range(20_000) if sampled(f"P{n}", 0.01)]
    assert 150 < len(chosen) < 250
    assert chosen == [
        n for n in range(20_000) if int(hashlib.sha256(f"P{n}".encode()).hexdigest()[:14], 16) / 16**14 < 0.01
    ]
    assert Choice(1.0).keeps(verdict("1"))
    assert not Choice(0.0).keeps(verdict("1"))
    assert Choice(0.0).keeps(verdict("1", decision="fail"))
