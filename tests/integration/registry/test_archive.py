"""All of the registry on a real Redis, written to a file, lost, and put back."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from services.registry.cli import app
from services.registry.export_file import ExportRejected, read_source
from shared.errors import LinegateError
from shared.registry import lifecycle
from shared.registry.archive import RegistryArchive
from shared.registry.backup import BackupRejected, Contents
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, TransitionRejected
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.registry.watcher import RegistryWatcher
from shared.settings import RedisSettings
from shared.store import ArtifactStore
from tests.integration.registry.test_watcher import eventually
from tests.unit.faults import Told

pytestmark = pytest.mark.redis
KEY = PlaceKey.parse("munich/line-1")
Command = Callable[..., str]


def record(version: str) -> VersionRecord:
    """A version."""
    return VersionRecord(version=version, digest="a" * 64, kind="padim", author="ada", note="für „immer“ 1e-7")


@pytest.fixture
def command(registry_settings: RedisSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run `linegate registry ...`; answers all that it says, raises its error."""
    monkeypatch.setenv("LINEGATE_REDIS__URL", registry_settings.url.get_secret_value())
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "cache"))

    def run(*words: object) -> str:
        result: Result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, LinegateError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def flush(where: RedisSettings) -> None:
    """Lose everything."""
    with redis.Redis.from_url(where.url.get_secret_value()) as client:
        client.flushdb()


def fill(registry: Registry) -> int:
    """A small registry; answers its revision."""
    registry.register(record("v1"))
    registry.register(record("v2"))
    registry.set_station(KEY, StationConfig(presence=0.1), expected=None, author="ada")
    promote = registry.advance(KEY, lambda held: lifecycle.promote(held, "v1"), action="promote", author="ada")
    return promote.revision


def contents(where: RedisSettings) -> Contents:
    """What Redis holds."""
    with RegistryArchive(where) as archive:
        return archive.read()


moves = st.lists(
    st.tuples(st.sampled_from(["register", "shadow", "promote", "rollback", "station"]), st.integers(0, 2)), max_size=15
)


@given(history=moves, flushed=st.booleans())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_lost_and_put_back_it_is_the_same(
    *, registry: Registry, registry_settings: RedisSettings, history: list[tuple[str, int]], flushed: bool
) -> None:
    """After any history, onto nothing or onto itself: the same letters, one entry more, a higher revision."""
    flush(registry_settings)
    for verb, which in [("register", 0), *history]:
        act(registry, verb, which)
    before = contents(registry_settings)
    if flushed:
        flush(registry_settings)
    with RegistryArchive(registry_settings) as archive:
        revision = archive.replace(archive.read(), before, above=0, author="ada", note="again")
    after = contents(registry_settings)
    assert (after.versions, after.assignments, after.stations) == (before.versions, before.assignments, before.stations)
    assert after.audit[:-1] == before.audit
    assert after.revision == revision == before.revision + 1
    last = registry.history(1)[0]
    assert (last.table, last.action, last.revision, last.note) == ("registry", "import", revision, "again")
    assert len(registry.audit(count=1000)) == len(after.audit)
    # Life goes on from there: the entries' revisions still are what a change is based on.
    act(registry, "station", 0)
    assert registry.snapshot().revision == revision + 1


def act(registry: Registry, verb: str, which: int) -> None:
    """One change, where it can be made."""
    key, version = PlaceKey.parse(f"plant-{which}"), f"v{which}"
    if verb == "register":
        registry.register(record(version))
    elif verb == "station":
        held = registry.snapshot().stations.get(key.root)
        new = StationConfig(height=100 + (held.record.height - 99 if held else 0))
        registry.set_station(key, new, expected=held.revision if held else None, author="ada")
    elif registry.version(version) is not None:
        steps: dict[str, lifecycle.Transition] = {
            "shadow": lambda held: lifecycle.shadow(held, version),
            "promote": lambda held: lifecycle.promote(held, version, direct=True),
            "rollback": lifecycle.rollback,
        }
        try:
            registry.advance(key, steps[verb], action=verb, author="ada", note="„so“")
        except TransitionRejected:
            return


def test_by_command_with_the_whole_story(
    command: Command, registry: Registry, registry_settings: RedisSettings, tmp_path: Path
) -> None:
    """Export, lose, import: what judges is the same, and the audit tells of then and of now."""
    revision, file = fill(registry), tmp_path / "registry.json"
    told = command("export", file)
    assert f"revision {revision}, 2 versions, 1 assignments, 1 stations, 4 changes" in told
    before = registry.snapshot()
    flush(registry_settings)
    told = command("import", file, "--author", "bob", "--note", "the disk died")
    assert f"the registry is at revision {revision + 1}" in told
    after = registry.snapshot()
    assert (after.versions, after.assignments, after.stations) == (
        before.versions,
        before.assignments,
        before.stations,
    )
    newest, *rest = registry.history(100)
    assert len(rest) == 4
    assert newest.author == "bob"
    assert newest.note.startswith("the disk died; export of ")


def test_what_the_store_lacks_is_told(command: Command, registry: Registry, tmp_path: Path) -> None:
    """Bundles, those that judge first and in other words, and a station's crop reference."""
    fill(registry)
    from shared.settings import load_settings

    digest = ArtifactStore(load_settings().store).put_bytes(b"a bundle")
    registry.register(record("v3").model_copy(update={"digest": digest}))
    registry.set_station(PlaceKey.parse("paris"), StationConfig(reference="b" * 64), expected=None, author="ada")
    command("export", tmp_path / "registry.json")
    lines = command("import", tmp_path / "registry.json", "--replace").splitlines()
    told = [line for line in lines if line.startswith("warning")]
    assert len(told) == 3
    assert "version v1, which is assigned: workers cannot load it" in told[0]
    assert told[1].endswith("of version v2")
    assert "lacks the crop reference bbbbbbbbbbbb of station paris/*/*/*/*" in told[2]


def test_a_registry_that_is_not_empty_is_not_replaced_by_mistake(
    command: Command, registry: Registry, registry_settings: RedisSettings, tmp_path: Path
) -> None:
    """Only when it is said; what was done meanwhile stays in the audit."""
    fill(registry)
    command("export", tmp_path / "registry.json")
    registry.advance(KEY, lambda held: lifecycle.promote(held, "v2", direct=True), action="promote", author="eve")
    before = contents(registry_settings)
    with pytest.raises(BackupRejected, match="not empty: revision 5, 2 versions, 1 assignments"):
        command("import", tmp_path / "registry.json")
    assert contents(registry_settings) == before
    command("import", tmp_path / "registry.json", "--replace")
    held = registry.assignment(KEY)
    assert held is not None
    assert held.record.champion == "v1"
    assert registry.snapshot().revision == 6
    assert [entry.author for entry in registry.history(2)][1] == "eve"


def test_a_later_backup_is_not_overwritten_by_an_emptied_registry(
    command: Command, registry: Registry, registry_settings: RedisSettings, tmp_path: Path
) -> None:
    """A schedule goes on after the loss; nor is a file overwritten that is something else."""
    revision, file = fill(registry), tmp_path / "registry.json"
    command("export", file)
    command("export", file)
    flush(registry_settings)
    before = file.read_bytes()
    with pytest.raises(ExportRejected, match=f"is of revision {revision}, the registry is at 0"):
        command("export", file)
    assert file.read_bytes() == before
    command("export", file, "--force")
    assert read_source(file).contents.empty
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(ExportRejected, match="is not JSON"):
        command("export", tmp_path / "letter.txt")
    with pytest.raises(ExportRejected, match="cannot write"):
        command("export", tmp_path / "no" / "folder.json")


def test_a_change_in_between_is_not_lost(registry: Registry, registry_settings: RedisSettings) -> None:
    """What was read must still be there: by its revision, and by its last change where that is the same again."""
    fill(registry)
    with RegistryArchive(registry_settings) as archive:
        read = archive.read()
        registry.register(record("v3"))
        with pytest.raises(RevisionConflict, match="expected revision 4, found revision 5"):
            archive.replace(read, read, above=0, author="ada", note="")
        assert registry.version("v3") is not None
        flush(registry_settings)
        fill(registry)
        with pytest.raises(RevisionConflict):
            archive.replace(read, read, above=0, author="ada", note="")
        assert registry.snapshot().revision == 4


def test_what_is_not_in_the_backup_is_gone(registry: Registry, registry_settings: RedisSettings) -> None:
    """Tables that are empty in it are emptied: all of it is replaced, not added to."""
    with RegistryArchive(registry_settings) as archive:
        first = archive.read()
        fill(registry)
        archive.replace(archive.read(), first, above=0, author="ada", note="")
        after = archive.read()
    assert after.empty
    assert (after.revision, len(after.audit)) == (5, 5)


def test_nobody_sees_it_half_done(registry: Registry, registry_settings: RedisSettings) -> None:
    """While it is replaced over and over, each reading is one of the two states, whole."""
    fill(registry)
    with RegistryArchive(registry_settings) as archive:
        first = archive.read()
        for number in range(3, 40):
            registry.register(record(f"v{number}"))
        second = archive.read()
        seen: set[tuple[int, int]] = set()
        done = threading.Event()

        def watch() -> None:
            with Registry(registry_settings) as own:
                while not done.is_set():
                    found = own.snapshot()
                    seen.add((len(found.versions), len(found.assignments)))

        reader = threading.Thread(target=watch)
        reader.start()
        for _ in range(30):
            for state in (first, second):
                archive.replace(archive.read(), state, above=0, author="ada", note="")
        done.set()
        reader.join()
    assert seen <= {(2, 1), (39, 1)}
    assert seen


def test_workers_take_the_restored_state(
    command: Command, registry: Registry, registry_settings: RedisSettings, tmp_path: Path
) -> None:
    """Redis comes back empty: the worker keeps what it knows, and its own copy, imported, is taken at once."""
    revision, copy, told = fill(registry), tmp_path / "registry-score.json", Told()
    with RegistryWatcher(registry, copy, poll_s=0.2, faults=told) as watcher:
        assert watcher.wait_first(20)
        eventually(copy.exists)
        flush(registry_settings)
        eventually(lambda: told.kinds == ["registry_older"])
        said = command("import", copy)
        assert "a worker's copy has no audit" in said
        eventually(lambda: told.open == [] and watcher.snapshot is not None and not watcher.snapshot.stale)
        assert watcher.snapshot is not None
        assert watcher.snapshot.revision == revision + 1
        assert watcher.snapshot.assignments[str(KEY)].record.champion == "v1"


def test_workers_that_know_later_news_are_won_by_above(
    command: Command, registry: Registry, registry_settings: RedisSettings, tmp_path: Path
) -> None:
    """An old backup alone changes nothing for them; with `--above` what they know, it is taken."""
    fill(registry)
    command("export", tmp_path / "old.json")
    for _ in range(5):
        act(registry, "station", 0)
    known, told = registry.snapshot().revision, Told()
    with RegistryWatcher(registry, poll_s=0.2, faults=told) as watcher:
        assert watcher.wait_first(20)
        flush(registry_settings)
        command("import", tmp_path / "old.json")
        eventually(lambda: told.kinds == ["registry_older"])
        assert watcher.snapshot is not None
        assert len(watcher.snapshot.stations) == 2
        command("import", tmp_path / "old.json", "--replace", "--above", known)
        eventually(lambda: watcher.snapshot is not None and watcher.snapshot.revision == known + 1)
        assert len(watcher.snapshot.stations) == 1
        assert not watcher.snapshot.stale
        eventually(lambda: told.open == [])
