"""`linegate train many` on real processes and on a real Ray of this machine; tiny photos, random weights."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import safetensors.torch

from shared.models.bundle import METADATA_KEY
from shared.settings import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.training.pictures import write_photos
from training.code_version import code_version
from training.many.engine import Done, Engine, Failed, Job, Outcome, Progressed
from training.many.local import LocalEngine, log_of
from training.many.on_node import OUTCOME, RayTask, make_and_store
from training.many.on_ray import RayEngine, RayUnavailable
from training.many.session import STOPPED
from training.order import Means, Order

MARK = "LINEGATE_TEST_MARK"
SPEC = {
    "backbone": "test_efficientnet",
    "weights": "random:0",
    "stages": [1, 2],
    "height": 32,
    "width": 32,
    "crop": "full_frame",
    "rule": "mean_sd",
    "options": {"channels": 8},
}
PLAN = """
[defaults]
backbone = "test_efficientnet"
weights = "random:0"
crop = "full_frame"
rule = "mean_sd"
height = 32
width = 32
[[version]]
name = "slow-1"
place = "p/l"
data = "photos"
"""

RUNS = """
import sys
from shared.settings import StoreSettings
from training.code_version import code_version
from training.many.engine import Job
from training.many.local import LocalEngine
from training.many.on_ray import RayEngine
engine, job, store = sys.argv[1:]
store = StoreSettings(url=store)
ray = engine == "ray"
engine = RayEngine(store=store, code=code_version(), cores=2) if ray else LocalEngine(reference=str)
list(engine.run([Job.model_validate_json(job)], lambda _: None))
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 good and 6 damaged."""
    root = tmp_path_factory.mktemp("many") / "tiles"
    write_photos(root, good=40, damaged=6)
    return root


@pytest.fixture
def store(tmp_path: Path) -> StoreSettings:
    """A store of its own."""
    return StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache")


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A variable that every process started from here inherits, whoever starts it."""
    value = uuid.uuid4().hex
    monkeypatch.setenv(MARK, value)
    yield value
    for pid in _alive(value):
        os.kill(pid, signal.SIGKILL)


def _alive(mark: str) -> list[int]:
    """Processes that bear the mark, but for this one."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            content = environment.read_bytes()
        except OSError:  # it ended meanwhile, or is another user's
            continue
        if wanted in content.split(b"\0"):
            found.append(int(environment.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def _until(condition: Callable[[], bool], seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def _job(version: str, data: Path, out: Path) -> Job:
    order = Order.model_validate({"version": version, "spec": SPEC, "place": "p/l", "author": "ada"})
    return Job(order=order, data=data, means=Means(limits=ImageSettings(), device="cpu"), out=out / version)


def _content(bundle: bytes) -> str:
    """sha256 of all but the moment at which it was made."""
    length = int.from_bytes(bundle[:8], "little")
    told = json.loads(json.loads(bundle[8 : 8 + length])["__metadata__"][METADATA_KEY])
    del told["card"]["created"]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, tensor in sorted(safetensors.torch.load(bundle).items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _run(engine: Engine, jobs: list[Job]) -> tuple[dict[str, Outcome], set[str]]:
    """The outcomes, and the stages that were told of."""
    stages: set[str] = set()

    def report(progressed: Progressed) -> None:
        stages.add(progressed.stage)

    return {outcome.version: outcome for outcome in engine.run(jobs, report)}, stages


def test_both_engines_make_the_same_and_leave_nothing(
    photos: Path, tmp_path: Path, store: StoreSettings, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is told and does not stop the other; Ray puts the bundle into the store itself."""
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "node"))
    empty = tmp_path / "empty"
    empty.mkdir()
    bundles, kept = {}, ArtifactStore(store)
    engines: dict[str, Engine] = {
        "local": LocalEngine(reference=kept.fetch, workers=2, threads=1),
        "ray": RayEngine(store=store, code=code_version(), cores=2),
    }
    for name, engine in engines.items():
        out = tmp_path / name
        out.mkdir()
        outcomes, stages = _run(engine, [_job("bad-1", empty, out), _job("good.1", photos, out)])
        bad, good = outcomes["bad-1"], outcomes["good.1"]
        assert isinstance(bad, Failed)
        assert "no data set I know" in bad.reason
        assert isinstance(good, Done), good
        assert (good.record.version, good.record.author, str(good.record.place)) == ("good.1", "ada", "p/l/*/*/*")
        assert (out / "good.1" / good.papers["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
        assert "start" in stages or name == "ray"
        assert stages & {"read", "crop", "features", "calibrate", "test", "start"}
        made = good.made(out / "good.1")
        if name == "local":
            assert made is not None
            assert not log_of(_job("good.1", photos, out)).exists()
            bundles[name] = made.bundle.read_bytes()
        else:
            assert made is None
            bundles[name] = kept.read(good.record.digest)
        assert hashlib.sha256(bundles[name]).hexdigest() == good.record.digest
        assert _until(lambda: not _alive(mark)), _commands(mark)
    assert _content(bundles["local"]) == _content(bundles["ray"])


def test_a_node_that_cannot_is_told(photos: Path, tmp_path: Path, store: StoreSettings) -> None:
    """Of another Linegate, or without the data: what it would make is not what the plan wants."""
    job = _job("a-1", photos, tmp_path)
    for code, data, told in (
        ("0.0.1", photos, "the plan's machine has 0.0.1"),
        (code_version(), tmp_path / "gone", "gone does not exist on this node"),
    ):
        asked = job.model_copy(update={"data": data})
        task = RayTask(job=asked, store=store.url, threads=1, retries=0, code=code)
        outcome = OUTCOME.validate_json(make_and_store(task.model_dump_json(), None))
        assert isinstance(outcome, Failed)
        assert told in outcome.reason


def test_a_cluster_that_is_not_there_is_told(store: StoreSettings) -> None:
    """At once: Ray itself would try for minutes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RayUnavailable, match=f"no Ray at {address}: Connection refused"):
            list(RayEngine(store=store, code=code_version(), address=address).run([], lambda _: None))


def test_a_process_that_dies_is_begun_again(photos: Path, tmp_path: Path, mark: str) -> None:
    """As often as `retries` says; then it is a failure that names the signal."""
    killed = []

    def report(progressed: Progressed) -> None:
        if progressed.stage == "start":
            assert _until(lambda: bool(_alive(mark)))
            for pid in _alive(mark):
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

    engine = LocalEngine(reference=Path, threads=1, retries=1)
    (outcome,) = engine.run([_job("a-1", photos, tmp_path)], report)
    assert isinstance(outcome, Failed)
    assert "SIGKILL" in outcome.reason
    assert len(killed) == 2


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_ctrl_c_ends_whatever_was_started(
    photos: Path, tmp_path: Path, mark: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how to go on."""
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "photos").symlink_to(photos)
    with _begun(tmp_path, mark, "-m", "shared.cli", "train", "many", "plan.toml", "--engine", engine) as command:
        # A shell sends it to the whole group of processes.
        os.killpg(command.pid, signal.SIGINT)
        said, _ = command.communicate(timeout=120)
    assert _until(lambda: not _alive(mark)), _commands(mark)
    assert command.returncode == STOPPED, said
    assert "the same command goes on where it was" in said
    assert "Traceback" not in said
    assert "Ray" not in said
    assert "not begun" in (tmp_path / "models" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_what_was_started_ends_with_a_command_that_is_killed(
    photos: Path, tmp_path: Path, store: StoreSettings, mark: str, engine: str
) -> None:
    """Nobody is left to tidy up: the processes themselves see that they are of no use."""
    job = _job("a-1", photos, tmp_path).model_dump_json()
    with _begun(tmp_path, mark, "-c", RUNS, engine, job, store.url) as command:
        command.kill()
    assert _until(lambda: not _alive(mark)), _commands(mark)


@contextmanager
def _begun(folder: Path, mark: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python of its own group, from when a process that fits is at work below it."""
    # Where the tests run in the background, a shell has SIGINT ignored, which programs inherit. One that is handled
    # here comes to them as usual.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as command:
        try:
            assert _until(lambda: command.poll() is not None or _fits(mark)), "nothing was begun"
            assert command.poll() is None, command.communicate()[0]
            yield command
        finally:
            command.kill()


def _commands(mark: str) -> list[str]:
    return [Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") for pid in _alive(mark)]


def _fits(mark: str) -> bool:
    """Whether a process that fits is at work."""
    for pid in _alive(mark):
        try:
            if b"training.worker.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False
