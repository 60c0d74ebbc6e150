"""The score step behaves as every step must."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.score.effective import Effective
from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.step import Emit, Result, Step
from shared.events import Event, Verdict
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.pixels import PixelSource
from shared.registry.records import Assignment, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.settings.sections import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.conformance import StepConformance
from tests.unit.services.cards import a_card
from tests.unit.services.events import crop, not_found, picture


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> ScoreStep:
    """Plant munich fails every part by PatchCore, puebla passes every part by PaDiM."""
    folder: Path = tmp_path_factory.mktemp("score")
    pool = ExtractorPool(device="cpu")
    store = ArtifactStore(StoreSettings(url=str(folder / "store"), cache_dir=folder / "cache"))
    versions = {}
    for kind, threshold in (("patchcore", 0.0), ("padim", 1e9)):
        extractor = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
        model = make_model(ModelSpec(kind=kind, extractor=extractor), pool)
        model.fit([picture(i) for i in range(6)])
        write_bundle(folder / kind, model, a_card(threshold))
        versions[kind] = VersionRecord(version=kind, digest=store.put(folder / kind), kind=kind)
    state = Snapshot(
        revision=1,
        versions=versions,
        assignments={
            f"{plant}/*/*/*/*": HeldAssignment(revision=1, record=Assignment(champion=kind))
            for plant, kind in (("munich", "patchcore"), ("puebla", "padim"))
        },
    )
    limits = ImageSettings()
    shelf = ModelShelf(store, pool, budget_mib=64)
    effective = Effective(shelf)
    effective.settle(state)
    return ScoreStep(
        shelf,
        effective=effective,
        source=PixelSource(limits),
        limits=limits,
        snapshot=lambda: state,
    )


class TestScoreStep(StepConformance):
    """With a fail, a pass by another model and a missing label in one batch."""

    @pytest.fixture
    def step(self, scorer: ScoreStep) -> ScoreStep:
        """One for the module: its models take seconds to make."""
        return scorer

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """A fail, a pass, and a photo without a label."""
        return [crop("1"), crop("22", plant="puebla"), not_found("333")]

    @pytest.fixture
    def bad_event(self) -> Event:
        """A place without an assignment."""
        return crop("bad", plant="atlantis")

    def test_no_event_depends_on_its_company(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Alone or in a batch: the same decision, and the same score but for the rounding of another batch size.

        The suite's own test asks for equal bytes; a convolution sums in another order when the batch is larger.
        """
        together = [_verdict(result) for result in step(events)]
        alone = [_verdict(result) for event in events for result in step([event])]
        for one, other in zip(alone, together, strict=True):
            assert (one.id, one.decision, one.model) == (other.id, other.decision, other.model)
            for mine, theirs in zip(one.checks, other.checks, strict=True):
                assert (mine.score is None) == (theirs.score is None)
                assert mine.score is None or mine.score == pytest.approx(theirs.score, rel=1e-5)


def _verdict(result: Result) -> Verdict:
    assert isinstance(result, Emit)
    (verdict,) = (event for event in result.events if type(event) is Verdict)
    return verdict
