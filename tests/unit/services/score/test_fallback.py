"""A version that cannot be loaded never stops a line that has an earlier one, and never judges silently by it."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from services.score.effective import Effective
from services.score.failure import FIRST_RETRY_S, LONGEST_RETRY_S, ModelNotLoaded
from services.score.in_force import InForce
from services.score.keeper import ModelKeeper
from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.step import Emit, Retry
from shared.events import ModelStamp, PartCrop, ShadowVerdict, Verdict
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.self_check import make_self_check
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.pixels import PixelSource
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.settings.sections import ImageSettings, StoreSettings
from shared.signing import Trust, sign_artifact
from shared.store import ArtifactStore
from tests.unit.faults import Told
from tests.unit.services.cards import a_card
from tests.unit.services.events import CAPTURED, crop, picture

EXTRACTOR = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=64, width=64))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
MUNICH = "munich/*/*/*/*"


@pytest.fixture(scope="module")
def bundles(pool: ExtractorPool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three versions of one model, told apart by their thresholds, and one that scored otherwise where it was made."""
    folder = tmp_path_factory.mktemp("bundles")
    model = make_model(ModelSpec(kind="padim", extractor=EXTRACTOR), pool)
    model.fit([picture(i) for i in range(6)])
    for number, name in enumerate(("old", "new", "next")):
        write_bundle(folder / name, model, a_card(1e9 + number))
    check = make_self_check(model, 64, 64)
    estranged = check.model_copy(update={"score": check.score * 1.001})
    write_bundle(folder / "estranged", model, a_card(1e9).model_copy(update={"self_check": estranged}))
    return {name: folder / name for name in ("old", "new", "next", "estranged")}


class Hanging(ArtifactStore):
    """A store that hangs on some artifacts until it is released."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(settings)
        self.hangs: set[str] = set()
        self.release = threading.Event()

    def read(self, digest: str) -> bytes:
        """As the store, once it is released."""
        if digest in self.hangs:
            assert self.release.wait(60)
        return super().read(digest)


class Line:
    """A score worker's models on a store of their own, without Kafka and Redis; `restart` is a new process."""

    def __init__(self, folder: Path, pool: ExtractorPool, bundles: dict[str, Path], trust: Trust | None = None) -> None:
        self.folder = folder
        self.pool = pool
        self.trust = trust
        self.now = 0.0
        self.told = Told()
        self.settings = StoreSettings(url=str(folder / "store"), cache_dir=folder / "cache")
        self.store = ArtifactStore(self.settings)
        self.digests = {name: self.store.put(path) for name, path in bundles.items()}
        self.restart()

    def restart(self) -> None:
        """Nothing in memory; the disk stays."""
        self.told = Told()
        self.shelf = ModelShelf(self.store, self.pool, budget_mib=64, trust=self.trust, clock=lambda: self.now)
        self.in_force = InForce(self.folder / "cache" / "in-force.json")
        self.effective = Effective(self.shelf, self.in_force, clock=lambda: self.now)
        self.keeper = ModelKeeper(
            self.shelf, self.in_force, self.effective, self.store, faults=self.told, check_s=30, clock=lambda: self.now
        )
        self.state = Snapshot()
        self.step = ScoreStep(
            self.shelf,
            source=PixelSource(ImageSettings()),
            limits=ImageSettings(),
            snapshot=lambda: self.state,
            in_force=self.in_force,
            effective=self.effective,
            clock=lambda: CAPTURED,
        )

    def hear(self, revision: int, **keys: Assignment) -> None:
        """The registry assigns anew; keyword `munich__line_1` is key `munich/line-1`. The keeper hears of it."""
        texts = {PlaceKey(key.replace("__", "/").replace("_", "-")).root: record for key, record in keys.items()}
        self.state = Snapshot(
            revision=revision,
            assignments={key: HeldAssignment(revision=revision, record=record) for key, record in texts.items()},
            versions={n: VersionRecord(version=n, digest=d, kind="padim") for n, d in self.digests.items()},
        )
        self.keeper.changed(self.state)

    def assign(self, **keys: Assignment) -> None:
        """The registry assigns anew, and what it assigns is loaded."""
        self.hear(self.state.revision + 1, **keys)
        self.keeper.warm(self.state)
        self.keeper.look()

    def artifact(self, name: str) -> Path:
        """A version's file in the store."""
        digest = self.digests[name]
        return self.folder / "store" / "sha256" / digest[:2] / digest

    def copy(self, name: str) -> Path:
        """A version's file in the local cache."""
        digest = self.digests[name]
        return self.folder / "cache" / "sha256" / digest[:2] / digest

    def judge(self, event: PartCrop | None = None) -> Verdict | Retry:
        """The verdict on one part, or that it has to wait."""
        (result,) = self.step([event or crop()])
        if isinstance(result, Retry):
            return result
        assert isinstance(result, Emit)
        (verdict,) = (event for event in result.events if type(event) is Verdict)
        return verdict

    def stamp(self, event: PartCrop | None = None) -> ModelStamp:
        """Who judged a part."""
        verdict = self.judge(event)
        assert isinstance(verdict, Verdict), verdict
        assert verdict.model is not None
        return verdict.model

    def later(self, seconds: float) -> None:
        """Time passes, and the keeper looks."""
        self.now += seconds
        self.keeper.look()


@pytest.fixture
def line(tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path]) -> Line:
    """A line on which `old` is in force."""
    made = Line(tmp_path, pool, bundles)
    made.assign(munich=Assignment(champion="old"))
    assert made.stamp().fallback is None
    return made


def cut(path: Path) -> None:
    """Half of it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Line], None], str]] = {
    "absent": (lambda line: line.artifact("new").unlink(), "has no"),
    "truncated": (lambda line: cut(line.artifact("new")), "is damaged"),
    "corrupt": (lambda line: flip(line.artifact("new")), "is damaged"),
    "of the wrong digest": (lambda line: shutil.copy(line.artifact("next"), line.artifact("new")), "is damaged"),
    "store away": (lambda line: line.artifact("new").parents[2].rename(line.folder / "away"), "no artifact store"),
    "store unreadable": (lambda line: _replace_by_a_file(line.artifact("new").parent), "cannot be used"),
}


def _replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_old_model_goes_on_and_every_verdict_says_so(line: Line, damage: str) -> None:
    """Also after a restart while the new one is still not loadable."""
    spoil, reason = DAMAGE[damage]
    spoil(line)
    line.assign(munich=Assignment(champion="new"))
    stamp = line.stamp()
    assert (stamp.version, stamp.digest, stamp.arm) == ("old", line.digests["old"], "champion")
    assert stamp.assignment == MUNICH
    assert stamp.fallback is not None
    assert (stamp.fallback.assigned, stamp.fallback.arm) == ("new", "champion")
    assert reason in stamp.fallback.reason
    (fault,) = (report for report in line.told.open if report.kind == "model_not_loaded")
    assert (fault.severity, fault.version, fault.digest) == ("error", "new", line.digests["new"])
    assert (fault.subject, fault.where) == (f"{MUNICH} new", {"plant": "munich"})
    assert reason in fault.detail
    assert ("store_away" in line.told.kinds) == (damage == "store away")
    assigned = line.state
    line.restart()
    line.state = assigned
    line.keeper.warm(assigned)
    assert line.stamp().fallback == stamp.fallback


def test_a_version_that_scores_otherwise_than_at_its_training_is_refused(line: Line) -> None:
    """Its file is whole and signed; its threshold would mean nothing here."""
    line.assign(munich=Assignment(champion="estranged"))
    stamp = line.stamp()
    assert stamp.fallback is not None
    assert (stamp.version, stamp.fallback.assigned) == ("old", "estranged")
    assert "scores differ from those at training" in stamp.fallback.reason
    assert line.told.kinds == ["model_not_loaded"]


def test_a_bundle_that_is_mended_takes_over(line: Line, bundles: dict[str, Path]) -> None:
    """With growing pauses between the attempts; the fault is cleared, the verdict plain again."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="new"))
    pauses = []
    for _ in range(8):
        failure = line.shelf.failure(line.digests["new"])
        assert failure is not None
        pauses.append(failure.pause_s)
        line.later(failure.pause_s / 2)
        assert line.shelf.failure(line.digests["new"]) is failure, "not tried again before it is due"
        line.later(failure.pause_s / 2)
    assert pauses == [FIRST_RETRY_S * 2**n for n in range(6)] + [LONGEST_RETRY_S] * 2
    shutil.copy(bundles["new"], line.artifact("new"))
    assert line.stamp().version == "old"
    line.later(LONGEST_RETRY_S)
    stamp = line.stamp()
    assert (stamp.version, stamp.fallback) == ("new", None)
    assert line.told.open == []
    assert line.told.changes == [("raised", "model_not_loaded"), ("cleared", "model_not_loaded")]


def test_assigning_another_version_ends_the_fault(line: Line) -> None:
    """People need not mend what they no longer want."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="new"))
    assert line.told.kinds == ["model_not_loaded"]
    line.assign(munich=Assignment(champion="next"))
    assert line.told.open == []
    assert (line.stamp().version, line.stamp().fallback) == ("next", None)


def test_with_no_earlier_version_parts_wait(line: Line) -> None:
    """Back-pressure as ever, and a critical fault; a plant that is well goes on."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="old"), puebla=Assignment(champion="new"))
    waiting = line.judge(crop(plant="puebla"))
    assert isinstance(waiting, Retry)
    assert "none was in force before" in waiting.reason
    assert line.stamp().version == "old"
    (fault,) = line.told.open
    assert (fault.kind, fault.severity, fault.where) == ("model_not_loaded", "critical", {"plant": "puebla"})


def test_a_more_specific_assignment_falls_back_on_what_judged_there_until_then(line: Line) -> None:
    """The line was under the plant's assignment before it got one of its own."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="old"), munich__line_1=Assignment(champion="new"))
    stamp = line.stamp()
    assert (stamp.version, stamp.assignment) == ("old", "munich/line-1/*/*/*")
    assert stamp.fallback is not None
    assert [fault.severity for fault in line.told.open] == ["error"]


def test_what_is_no_longer_assigned_is_forgotten(line: Line) -> None:
    """A key that is assigned again later does not judge by a model of long ago."""
    line.assign(puebla=Assignment(champion="old"))
    cut(line.artifact("new"))
    line.assign(puebla=Assignment(champion="old"), munich=Assignment(champion="new"))
    assert isinstance(line.judge(), Retry)


def test_a_canary_that_cannot_be_loaded_leaves_its_parts_to_the_champion(line: Line) -> None:
    """And each of their verdicts says so."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="old", canary=Canary(version="new", percent=100)))
    stamp = line.stamp()
    assert (stamp.version, stamp.arm) == ("old", "champion")
    assert stamp.fallback is not None
    assert (stamp.fallback.assigned, stamp.fallback.arm) == ("new", "canary")
    assert [(fault.kind, fault.severity) for fault in line.told.open] == [("model_not_loaded", "error")]
    # The champion is damaged as well: the last one in force judges.
    cut(line.artifact("next"))
    line.assign(munich=Assignment(champion="next", canary=Canary(version="new", percent=100)))
    assert line.stamp().version == "old"


def test_a_shadow_that_cannot_be_loaded_is_a_warning(line: Line) -> None:
    """The gate is not touched: no fallback, no shadow verdict."""
    cut(line.artifact("new"))
    line.assign(munich=Assignment(champion="old", shadow="new"))
    (result,) = line.step([crop()])
    assert isinstance(result, Emit)
    assert not [event for event in result.events if isinstance(event, ShadowVerdict)]
    assert line.stamp().fallback is None
    assert [fault.severity for fault in line.told.open] == ["warning"]


def test_a_corrupt_copy_in_the_cache_is_fetched_again(line: Line) -> None:
    """It is no fault: the store has the right one."""
    line.assign(munich=Assignment(champion="new"))
    line.restart()
    flip(line.copy("new"))
    line.assign(munich=Assignment(champion="new"))
    assert (line.stamp().version, line.stamp().fallback, line.told.open) == ("new", None, [])
    assert line.copy("new").read_bytes() == line.artifact("new").read_bytes()


def test_the_old_model_survives_the_store_too(line: Line) -> None:
    """Restarted with the store away altogether: the local copy of the old model judges, the fault says why."""
    (line.folder / "store").rename(line.folder / "away")
    line.restart()
    line.assign(munich=Assignment(champion="new"))
    assert line.stamp().version == "old"
    assert set(line.told.kinds) == {"model_not_loaded", "store_away"}
    (line.folder / "away").rename(line.folder / "store")
    line.later(FIRST_RETRY_S)
    assert (line.stamp().version, line.told.open) == ("new", [])


def test_a_store_that_goes_away_during_work_is_told_before_it_is_needed(line: Line) -> None:
    """Nothing has to be loaded, everything is judged; people can mend it in peace."""
    line.later(30)
    (line.folder / "store").rename(line.folder / "away")
    line.later(29)
    assert line.told.open == []
    line.later(1)
    assert [(fault.kind, fault.severity) for fault in line.told.open] == [("store_away", "warning")]
    assert line.stamp().fallback is None
    (line.folder / "away").rename(line.folder / "store")
    line.later(30)
    assert line.told.changes == [("raised", "store_away"), ("cleared", "store_away")]


def test_when_the_version_in_force_itself_is_lost_parts_wait(line: Line) -> None:
    """A worker that starts with an empty cache while the store is away has nothing to judge by, and says so."""
    line.copy("old").unlink()
    (line.folder / "store").rename(line.folder / "away")
    line.restart()
    line.assign(munich=Assignment(champion="old"))
    assert isinstance(line.judge(), Retry)
    assert {(fault.kind, fault.severity) for fault in line.told.open} == {
        ("model_not_loaded", "critical"),
        ("store_away", "warning"),
    }
    line.assign(munich=Assignment(champion="new"))
    assert isinstance(line.judge(), Retry)
    line.later(0)
    assert ("model_not_loaded", "critical") in {(fault.kind, fault.severity) for fault in line.told.open}
    (line.folder / "away").rename(line.folder / "store")
    line.later(FIRST_RETRY_S)
    assert (line.stamp().version, line.told.open) == ("new", [])


def test_a_damaged_memory_of_what_was_in_force_is_logged_and_replaced(line: Line) -> None:
    """Half a file is not believed."""
    file = line.folder / "cache" / "in-force.json"
    cut(file)
    with capture_logs() as logs:
        line.restart()
    assert [entry["event"] for entry in logs] == ["versions last in force not readable"]
    line.assign(munich=Assignment(champion="old"))
    assert InForce(file).last(PlaceKey(MUNICH)) is not None


def test_a_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The line goes on with what is in memory."""
    (tmp_path / "cache").write_bytes(b"")
    told: list[OSError | None] = []
    in_force = InForce(tmp_path / "cache" / "in-force.json", written=told.append)
    in_force.remember(MUNICH, VersionRecord(version="old", digest="0" * 64, kind="padim"))
    assert isinstance(told[0], OSError)
    assert in_force.last(PlaceKey(MUNICH)) is not None


def test_a_load_that_hangs_holds_a_line_for_a_bounded_time(
    tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path]
) -> None:
    """A store that neither answers nor refuses: the old model judges until the load is done."""
    store = Hanging(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))
    fast, slow = store.put(bundles["old"]), store.put(bundles["new"])
    store.hangs.add(slow)
    shelf = ModelShelf(store, pool, budget_mib=64, load_wait_s=0.05)
    try:
        old = VersionRecord(version="old", digest=fast, kind="padim")
        while True:  # a busy machine may take longer than we wait here
            with contextlib.suppress(ModelNotLoaded):
                assert shelf.get(old).digest == fast
                break
        assert shelf.failure(slow) is None
        with pytest.raises(ModelNotLoaded, match="still being loaded"):
            shelf.get(VersionRecord(version="new", digest=slow, kind="padim"))
        overdue = shelf.failure(slow)
        assert overdue is not None
        assert "still being loaded" in overdue.reason
        assert shelf.get(old).digest == fast
    finally:
        store.release.set()
    shelf = ModelShelf(store, pool, budget_mib=64)
    assert shelf.get(VersionRecord(version="new", digest=slow, kind="padim")).digest == slow


def test_loads_that_hang_for_one_plant_delay_no_other(
    tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path]
) -> None:
    """As many as there are lanes hang; another plant's change comes into force beside them, theirs when it can."""
    line = Line(tmp_path, pool, bundles)
    hanging = Hanging(line.settings)
    line.store = hanging
    line.restart()
    old = Assignment(champion="old")
    line.assign(munich=old, puebla=old)
    before = line.stamp(crop(plant="puebla"))
    held = {"munich": old, "puebla": Assignment(champion="new", shadow="slow")}
    line.digests["slow"] = "e" * 64
    hanging.hangs |= {line.digests["new"], line.digests["slow"]}
    try:
        line.hear(7, **held)
        line.hear(8, **held | {"munich": Assignment(champion="next")})
        while line.stamp().version != "next":
            time.sleep(0.01)
        assert (line.stamp().revision, line.stamp().fallback) == (8, None)
        assert line.stamp(crop(plant="puebla")) == before, "judged, and named, as before"
        assert line.effective.pending == {"puebla/*/*/*/*"}
        # Taken back: in force at once, whatever still hangs.
        line.hear(9, munich=old, puebla=Assignment(champion="old", former="next"))
        assert (line.stamp().revision, line.stamp(crop(plant="puebla")).revision) == (9, 9)
    finally:
        hanging.release.set()
        line.shelf.close()


def test_a_load_that_takes_too_long_counts_as_failed_and_comes_into_force_when_it_is_done(
    tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path]
) -> None:
    """First the entry in force stays, then the earlier version stands in, then the new one judges."""
    line = Line(tmp_path, pool, bundles)
    hanging = Hanging(line.settings)
    line.store = hanging
    line.restart()
    line.assign(munich=Assignment(champion="old"))
    hanging.hangs.add(line.digests["new"])
    line.hear(7, munich=Assignment(champion="new"))
    assert (line.stamp().version, line.stamp().revision, line.stamp().fallback) == ("old", 1, None)
    while line.shelf.failure(line.digests["new"]) is None:
        line.now += 1
        time.sleep(0.01)
    stamp = line.stamp()
    assert stamp.fallback is not None
    assert (stamp.version, stamp.revision, stamp.fallback.assigned) == ("old", 7, "new")
    assert "still being loaded" in stamp.fallback.reason
    hanging.release.set()
    while line.stamp().version != "new":
        time.sleep(0.01)
    assert (line.stamp().revision, line.stamp().fallback) == (7, None)


@pytest.mark.parametrize("signer", ["nobody", "somebody else"])
def test_an_unsigned_bundle_is_treated_as_a_damaged_one(
    tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path], signer: str
) -> None:
    """The old one, signed, goes on; a local copy helps nobody; signed rightly, the new one takes over."""
    line = Line(tmp_path, pool, bundles, Trust([KEY.public_key()]))
    sign_artifact(line.store, line.digests["old"], KEY)
    if signer == "somebody else":
        sign_artifact(line.store, line.digests["new"], Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
    line.store.read(line.digests["new"])
    assert line.copy("new").exists()
    line.assign(munich=Assignment(champion="old"))
    line.assign(munich=Assignment(champion="new"))
    stamp = line.stamp()
    assert stamp.version == "old"
    assert stamp.fallback is not None
    assert "not signed" in stamp.fallback.reason
    assert line.told.kinds == ["model_not_loaded"]
    sign_artifact(line.store, line.digests["new"], KEY)
    line.later(FIRST_RETRY_S)
    assert (line.stamp().version, line.told.open) == ("new", [])


def test_without_a_signature_nothing_judges_where_nothing_was_signed(
    tmp_path: Path, pool: ExtractorPool, bundles: dict[str, Path]
) -> None:
    """No way round by the memory of what was in force: it is verified as any other."""
    line = Line(tmp_path, pool, bundles)
    line.assign(munich=Assignment(champion="old"))
    line.trust = Trust([KEY.public_key()])
    line.restart()
    line.assign(munich=Assignment(champion="new"))
    waiting = line.judge()
    assert isinstance(waiting, Retry)
    assert "old" in waiting.reason
