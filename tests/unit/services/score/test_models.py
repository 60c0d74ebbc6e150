"""What stays in memory, what has to go, and what is told of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.score.effective import Effective
from services.score.in_force import InForce
from services.score.keeper import ModelKeeper
from services.score.model_metrics import ModelMetrics
from services.score.models import ModelShelf
from services.score.rank import Rank, Wanted
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.records import Assignment, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.store import ArtifactStore
from tests.unit.faults import Told
from tests.unit.services.cards import a_card
from tests.unit.services.events import picture

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
NAMES = ("a", "b", "c", "d")


class Room:
    """A shelf with room for some models of one size, and its metrics."""

    def __init__(self, store: ArtifactStore, pool: ExtractorPool, records: dict[str, VersionRecord]) -> None:
        self.reader = InMemoryMetricReader()
        metrics = ModelMetrics(MeterProvider([self.reader]).get_meter("test"))
        self.records = records
        self.shelf = ModelShelf(store, pool, budget_mib=1, metrics=metrics)
        self.effective = Effective(self.shelf, metrics=metrics)
        self.told = Told()
        self.keeper = ModelKeeper(self.shelf, InForce(), self.effective, store, faults=self.told, check_s=60)
        self.size = 0

    def fits(self, models: int) -> None:
        """So many models, and half of one."""
        if not self.size:
            self.shelf.get(self.records["a"])
            self.size = int(self.measured("linegate.model.held.bytes"))
        self.shelf._budget = models * self.size + self.size // 2

    def want(self, **ranks: Rank) -> None:
        """These are wanted, and what can be is loaded."""
        self.shelf.want({self.records[name].digest: Wanted(self.records[name], rank) for name, rank in ranks.items()})
        self.shelf.wait()

    @property
    def held(self) -> str:
        """Which models are in memory."""
        return "".join(name for name, record in self.records.items() if self.shelf.holds(record.digest))

    def measured(self, name: str) -> float:
        """The sum, count or last value of a metric; zero where nothing was measured yet."""
        data = self.reader.get_metrics_data()
        for resource in [] if data is None else data.resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                if metric.name == name:
                    return sum(getattr(p, "count", None) or getattr(p, "value", 0) for p in metric.data.data_points)
        return 0


@pytest.fixture(scope="module")
def records(
    pool: ExtractorPool, store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, VersionRecord]:
    """Four versions of one size."""
    folder: Path = tmp_path_factory.mktemp("bundles")
    model = make_model(ModelSpec(kind="padim", extractor=EXTRACTOR, options={"channels": 8}), pool)
    model.fit([picture(i) for i in range(6)])
    made = {}
    for number, name in enumerate(NAMES):
        write_bundle(folder / name, model, a_card(1.0 + number))
        made[name] = VersionRecord(version=name, digest=store.put(folder / name), kind="padim")
    return made


@pytest.fixture
def room(store: ArtifactStore, pool: ExtractorPool, records: dict[str, VersionRecord]) -> Iterator[Room]:
    """An empty shelf, at the end of its work closed."""
    made = Room(store, pool, records)
    yield made
    made.shelf.close()


def test_what_is_worth_least_goes_first(room: Room) -> None:
    """The unassigned, then the former champion, then the shadow, whatever was used last."""
    room.fits(4)
    room.want(a=Rank.GATE, b=Rank.SHADOW, c=Rank.FORMER)
    for models, left in ((3, "abc"), (2, "ab"), (1, "a")):
        room.fits(models)
        room.shelf.get(room.records["d"])
        assert room.held == left
    assert room.measured("linegate.model.thrash") == 1, "the shadow, which was at work"


def test_of_those_that_gate_the_least_recently_used_goes(room: Room) -> None:
    """It is counted; it can still be had, by a load."""
    room.fits(2)
    room.want(a=Rank.GATE, b=Rank.GATE)
    room.shelf.held(room.records["a"])
    room.want(a=Rank.GATE, b=Rank.GATE, c=Rank.GATE)
    assert room.held == "ac"
    assert room.measured("linegate.model.thrash") == 1
    assert room.shelf.settled(room.records["b"].digest), "nothing is waited for: it is loaded when it is needed"
    assert room.shelf.get(room.records["b"]).digest == room.records["b"].digest
    assert room.held == "bc"


def test_what_does_not_fit_is_not_loaded_again_and_again(room: Room) -> None:
    """A former champion for which there is no room is tried once, and again when there is room."""
    room.fits(1)
    room.want(a=Rank.GATE, b=Rank.FORMER)
    assert room.held == "a"
    loads = room.measured("linegate.model.load.duration")
    for _ in range(3):
        room.want(a=Rank.GATE, b=Rank.FORMER)
    assert room.measured("linegate.model.load.duration") == loads
    room.fits(2)
    room.want(a=Rank.GATE, b=Rank.FORMER)
    assert room.held == "ab"


def assigned(records: dict[str, VersionRecord], revision: int, assignment: Assignment) -> Snapshot:
    """A registry with one entry."""
    return Snapshot(
        revision=revision,
        versions=records,
        assignments={"munich/*/*/*/*": HeldAssignment(revision=revision, record=assignment)},
    )


@pytest.mark.parametrize(
    ("assignment", "severity"),
    [
        (Assignment(champion="a", former="b"), "warning"),
        (Assignment(champion="a", canary=Canary(version="b", percent=10)), "error"),
    ],
)
def test_what_does_not_fit_is_told(room: Room, assignment: Assignment, severity: str) -> None:
    """Once, in the same words while it lasts; over when there is room."""
    room.fits(1)
    room.keeper.warm(assigned(room.records, 1, assignment))
    room.keeper.look()
    (fault,) = room.told.open
    assert (fault.kind, fault.subject, fault.severity) == ("out_of_memory", "models", severity)
    assert "b not held" in fault.detail
    for name in ("b", "a"):
        room.shelf.get(room.records[name])
        room.keeper.look()
    assert [report.detail for report in room.told.open] == [fault.detail]
    room.fits(2)
    room.keeper.look()
    assert room.told.changes == [("raised", "out_of_memory"), ("cleared", "out_of_memory")]


def test_a_promotion_and_its_rollback_load_nothing(room: Room) -> None:
    """The canary is in memory before it becomes champion, and the former champion stays there after."""
    room.fits(3)
    trial = Assignment(champion="a", canary=Canary(version="b", percent=20))
    room.effective.settle(assigned(room.records, 1, trial))
    loads = room.measured("linegate.model.load.duration")
    for revision, record in ((2, Assignment(champion="b", former="a")), (3, Assignment(champion="a", retired=("b",)))):
        now = room.effective.hear(assigned(room.records, revision, record))
        assert now.assignments["munich/*/*/*/*"].record == record
    assert room.measured("linegate.model.load.duration") == loads
    assert room.measured("linegate.model.swaps") == 3
    assert room.measured("linegate.model.swap.duration") == 3
    assert room.measured("linegate.model.held") == 2
    assert room.measured("linegate.model.held.bytes") == 2 * room.size
