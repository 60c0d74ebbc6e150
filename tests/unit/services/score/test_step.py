"""The score step on real models, a real store and a fixed registry state."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from services.score.effective import Effective
from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.step import DeadLetter, Emit, Retry
from shared.events import PartAnomalyMap, PartCrop, ShadowVerdict, Verdict
from shared.images import encode_png
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.pixels import PixelSource
from shared.registry.records import Assignment, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.settings.sections import ImageSettings, MapPolicy
from shared.store import ArtifactStore
from tests.unit.services.cards import a_card
from tests.unit.services.events import CAPTURED, crop, not_found, picture

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
Line: TypeAlias = tuple[ArtifactStore, ExtractorPool, dict[str, str]]
ALWAYS_PASSES, ALWAYS_FAILS = 1e9, 0.0


@pytest.fixture(scope="module")
def versions(pool: ExtractorPool, store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of stored versions: `pass` never fails a part, `fail` always does, `padim` is of another kind."""
    folder: Path = tmp_path_factory.mktemp("bundles")
    digests = {}
    for name, kind, threshold in (
        ("pass", "patchcore", ALWAYS_PASSES),
        ("fail", "patchcore", ALWAYS_FAILS),
        ("padim", "padim", ALWAYS_PASSES),
    ):
        model = make_model(ModelSpec(kind=kind, extractor=EXTRACTOR), pool)
        model.fit([picture(i) for i in range(6)])
        write_bundle(folder / name, model, a_card(threshold))
        digests[name] = store.put(folder / name)
    return digests


@pytest.fixture
def line(store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]) -> Line:
    """What a step is made of."""
    return store, pool, versions


def snapshot(versions: dict[str, str], *, stale: bool = False, **assignments: Assignment) -> Snapshot:
    """A registry state; keyword `munich` assigns to every line of that plant."""
    return Snapshot(
        revision=7,
        stale=stale,
        assignments={
            f"{plant}/*/*/*/*": HeldAssignment(revision=7, record=record) for plant, record in assignments.items()
        },
        versions={
            name: VersionRecord(version=name, digest=digest, kind="padim" if name == "padim" else "patchcore")
            for name, digest in versions.items()
        },
    )


def make_step(
    store: ArtifactStore, pool: ExtractorPool, state: Snapshot | None, maps: MapPolicy = "failed"
) -> ScoreStep:
    """The step with a fresh shelf on which all is loaded, and a clock that stands still."""
    shelf = ModelShelf(store, pool, budget_mib=64)
    effective = Effective(shelf)
    if state is not None:
        effective.settle(state)
    return ScoreStep(
        shelf,
        effective=effective,
        source=PixelSource(ImageSettings()),
        limits=ImageSettings(),
        snapshot=lambda: state,
        maps=maps,
        clock=lambda: CAPTURED,
    )


def run(step: ScoreStep, *crops: PartCrop) -> list[Emit]:
    """The results, all of which must be emissions."""
    results = step(crops)
    assert all(isinstance(result, Emit) for result in results), results
    return [result for result in results if isinstance(result, Emit)]


def verdicts_of(results: Sequence[Emit]) -> list[Verdict]:
    """The gating verdict of each result."""
    found = [[event for event in result.events if type(event) is Verdict] for result in results]
    assert all(len(own) == 1 for own in found), "exactly one gating verdict per crop"
    return [own[0] for own in found]


def test_the_champion_judges_and_signs(store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]) -> None:
    """A pass and a fail, each with the model's stamp; a map only for the fail."""
    state = snapshot(versions, munich=Assignment(champion="pass"), puebla=Assignment(champion="fail"))
    results = run(make_step(store, pool, state), crop("1"), crop("2", plant="puebla"))
    good, bad = verdicts_of(results)
    assert (good.decision, bad.decision) == ("pass", "fail")
    assert good.model is not None
    assert (good.model.version, good.model.digest, good.model.arm) == ("pass", versions["pass"], "champion")
    assert (good.model.assignment, good.model.revision, good.model.stale) == ("munich/*/*/*/*", 7, False)
    assert [type(event) for event in results[0].events] == [Verdict]
    assert [type(event) for event in results[1].events] == [Verdict, PartAnomalyMap]


def test_a_verdict_says_where_photo_and_crop_lie_and_where_the_damage_is(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """The picture can be looked at, and the worst place be marked in it; a pass has no map and so no such place."""
    state = snapshot(versions, munich=Assignment(champion="pass"), puebla=Assignment(champion="fail"))
    bad = crop("2", plant="puebla").model_copy(update={"photoat": "1@5"}).lying_at(2, 9)
    passed, failed = verdicts_of(run(make_step(store, pool, state), crop("1"), bad))
    assert (failed.photo, failed.crop) == ("1@5", "2@9")
    assert (passed.photo, passed.crop) == (None, None)
    assert failed.checks[0].peak is not None
    assert passed.checks[0].peak is None


def test_a_mixed_batch_is_one_backbone_pass(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """Two plants with models of two kinds share the forward pass."""
    state = snapshot(versions, munich=Assignment(champion="pass"), puebla=Assignment(champion="padim"))
    step = make_step(store, pool, state)
    run(step, crop("1"))
    before = pool.passes
    run(step, *(crop(str(i), plant="munich" if i % 2 else "puebla") for i in range(6)))
    assert pool.passes == before + 1


def test_a_mixed_batch_of_many_plants_kinds_and_stages_is_one_pass(
    store: ArtifactStore, pool: ExtractorPool, tmp_path: Path
) -> None:
    """Four plants, two kinds, five sets of stages, a shadow on top: each score as without the others, bit for bit."""
    digests, models = {}, {}
    for number, (kind, stages) in enumerate(
        [("patchcore", (2, 3)), ("padim", (2,)), ("patchcore", (1, 3)), ("padim", (2, 3)), ("padim", (3,))]
    ):
        name = f"{kind}-{number}"
        extractor = EXTRACTOR.model_copy(update={"stages": stages})
        models[name] = make_model(ModelSpec(kind=kind, extractor=extractor), pool)
        models[name].fit([picture(i) for i in range(6)])
        write_bundle(tmp_path / name, models[name], a_card(ALWAYS_PASSES))
        digests[name] = store.put(tmp_path / name)
    *gates, shadow = digests
    plants = [f"plant{n}" for n in range(4)]
    assigned = {p: Assignment(champion=gate, shadow=shadow) for p, gate in zip(plants, gates, strict=True)}
    own = ExtractorPool(device="cpu")
    step = make_step(store, own, snapshot(digests, **assigned))
    images = [picture(i) for i in range(8)]
    parts = [crop(str(i), plant=plants[i % 4], pixels=encode_png(image)) for i, image in enumerate(images)]
    before = own.passes
    results = run(step, *parts)
    assert own.passes == before + 1
    scores: dict[str, dict[int, float | None]] = {name: {} for name in digests}
    for row, result in enumerate(results):
        for event in result.events:
            assert isinstance(event, Verdict)
            assert event.model is not None
            assert event.timings.model is not None
            assert event.timings.model > 0
            scores[event.model.version][row] = event.checks[0].score
    assert [len(scores[name]) for name in digests] == [2, 2, 2, 2, 8]
    for name, by_row in scores.items():
        features = models[name].extractor(images).rows(list(by_row))
        assert list(by_row.values()) == models[name].score_features(features).image.tolist()


def test_a_shadow_watches_and_never_gates(store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]) -> None:
    """The shadow would fail the part; the verdict passes it, and the shadow says so on its own topic."""
    state = snapshot(versions, munich=Assignment(champion="pass", shadow="fail"))
    (result,) = run(make_step(store, pool, state), crop())
    (verdict,) = verdicts_of([result])
    (shadow,) = (event for event in result.events if isinstance(event, ShadowVerdict))
    assert verdict.decision == "pass"
    assert shadow.decision == "fail"
    assert shadow.model is not None
    assert shadow.model.arm == "shadow"


def test_a_missing_shadow_does_not_hold_the_gate(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """The gate judges without it."""
    state = snapshot({**versions, "lost": "f" * 64}, munich=Assignment(champion="pass", shadow="lost"))
    (result,) = run(make_step(store, pool, state), crop())
    assert [type(event) for event in result.events] == [Verdict]


def test_the_canary_gets_its_parts(store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]) -> None:
    """At 100 % every part, and the verdict names the arm."""
    state = snapshot(versions, munich=Assignment(champion="pass", canary=Canary(version="fail", percent=100)))
    (verdict,) = verdicts_of(run(make_step(store, pool, state), crop()))
    assert verdict.decision == "fail"
    assert verdict.model is not None
    assert verdict.model.arm == "canary"


def onlookers(result: Emit) -> list[str]:
    """Versions that only looked on."""
    shadows = [event for event in result.events if isinstance(event, ShadowVerdict)]
    assert all(event.model is not None and event.model.arm == "shadow" for event in shadows)
    return [event.model.version for event in shadows if event.model is not None]


def test_the_champion_looks_on_at_its_canarys_parts_and_not_the_other_way_round(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """Whoever compares the two has both on the same parts; only the one that gates makes a map."""
    trial = Canary(version="fail", percent=50)
    state = snapshot(versions, munich=Assignment(champion="pass", canary=trial, shadow="padim"))
    results = run(make_step(store, pool, state, "always"), *(crop(f"{i}") for i in range(12)))
    arms = set()
    for result, verdict in zip(results, verdicts_of(results), strict=True):
        assert verdict.model is not None
        arms.add(verdict.model.arm)
        assert onlookers(result) == (["padim", "pass"] if verdict.model.arm == "canary" else ["padim"])
        maps = [event for event in result.events if isinstance(event, PartAnomalyMap)]
        assert [event.version for event in maps] == [verdict.model.version]
        assert len({event.id for event in result.events}) == len(result.events)
    assert arms == {"champion", "canary"}


@pytest.mark.parametrize(
    ("canary", "shadow", "onlooker"),
    [
        (Canary(version="fail", percent=100), "pass", "pass"),
        (Canary(version="fail", percent=100, paused=True), None, None),
        (Canary(version="fail", percent=0), "fail", None),
        (Canary(version="fail", percent=0, paused=True), "fail", "fail"),
        (Canary(version="lost", percent=100), None, None),
    ],
)
def test_who_looks_on(line: Line, canary: Canary, shadow: str | None, onlooker: str | None) -> None:
    """No version twice; the canary not at the champion's parts; no mirror where the champion itself judged."""
    store, pool, versions = line
    known = {**versions, "lost": "f" * 64}
    state = snapshot(known, munich=Assignment(champion="pass", canary=canary, shadow=shadow))
    (result,) = run(make_step(store, pool, state), crop())
    assert onlookers(result) == ([] if onlooker is None else [onlooker])


def test_a_champion_that_is_lost_does_not_look_on(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """The canary's part goes on without it."""
    trial = Canary(version="fail", percent=100)
    state = snapshot({**versions, "lost": "f" * 64}, munich=Assignment(champion="lost", canary=trial))
    (result,) = run(make_step(store, pool, state), crop())
    (verdict,) = verdicts_of([result])
    assert verdict.model is not None
    assert (verdict.model.version, verdict.model.arm) == ("fail", "canary")
    assert onlookers(result) == []


def test_no_label_found_is_a_verdict(store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]) -> None:
    """It fails on presence, without asking a model."""
    state = snapshot(versions, munich=Assignment(champion="pass"))
    (verdict,) = verdicts_of(run(make_step(store, pool, state), not_found()))
    assert verdict.decision == "fail"
    assert verdict.model is None


def test_an_unknown_place_is_a_dead_letter_and_its_neighbours_go_on(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """One bad event costs nothing but itself."""
    state = snapshot(versions, munich=Assignment(champion="pass"))
    results = make_step(store, pool, state)([crop("1"), crop("2", plant="atlantis"), crop("3")])
    assert isinstance(results[0], Emit)
    assert isinstance(results[1], DeadLetter)
    assert "atlantis/line-1" in results[1].reason
    assert "linegate rollout promote" in results[1].reason
    assert isinstance(results[2], Emit)


def test_pixels_that_are_no_picture_are_a_dead_letter(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """With a reason."""
    state = snapshot(versions, munich=Assignment(champion="pass"))
    (result,) = make_step(store, pool, state)([crop(pixels=b"not a picture")])
    assert isinstance(result, DeadLetter)
    assert "not a JPEG" in result.reason


def test_a_champion_that_cannot_be_loaded_holds_its_parts_back_and_no_others(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """Better no verdict now than one by a model nobody chose."""
    state = snapshot(
        {**versions, "lost": "f" * 64}, munich=Assignment(champion="pass"), puebla=Assignment(champion="lost")
    )
    first, second = make_step(store, pool, state)([crop("1", plant="puebla"), crop("2")])
    assert isinstance(first, Retry)
    assert "lost" in first.reason
    assert isinstance(second, Emit)


def test_without_any_registry_state_everything_waits(store: ArtifactStore, pool: ExtractorPool) -> None:
    """Our fault is back-pressure, not a dead letter."""
    assert all(isinstance(result, Retry) for result in make_step(store, pool, None)([crop("1"), crop("2")]))


def test_a_stale_assignment_is_said_in_the_verdict(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """Whoever reads the verdict knows that Redis was away."""
    state = snapshot(versions, stale=True, munich=Assignment(champion="pass"))
    (verdict,) = verdicts_of(run(make_step(store, pool, state), crop()))
    assert verdict.model is not None
    assert verdict.model.stale


@pytest.mark.parametrize(("maps", "expected"), [("always", 2), ("never", 1)])
def test_maps_as_the_setting_says(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str], maps: MapPolicy, expected: int
) -> None:
    """`always` even for a pass; `never` not even for a fail."""
    champion = "pass" if maps == "always" else "fail"
    state = snapshot(versions, munich=Assignment(champion=champion))
    (result,) = run(make_step(store, pool, state, maps), crop())
    assert len(result.events) == expected


def test_the_shelf_forgets_the_least_recently_used(
    store: ArtifactStore, pool: ExtractorPool, versions: dict[str, str]
) -> None:
    """A budget too small for two models keeps the one in use."""
    shelf = ModelShelf(store, pool, budget_mib=0)
    records = [VersionRecord(version=name, digest=versions[name], kind="patchcore") for name in ("pass", "fail")]
    first = shelf.get(records[0])
    shelf.get(records[1])
    assert shelf.get(records[0]) is not first
    assert shelf.get(records[0]) is shelf.get(records[0])
