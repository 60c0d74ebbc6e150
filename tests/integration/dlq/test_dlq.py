"""`linegate dlq` on real Kafka: list, show, replay, drop, resume; each letter settled once, whatever happens."""

import json
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from services.dlq.cli import app
from services.dlq.desk import AlreadySettled, Desk
from services.dlq.shelf import letter as fetch_letter
from shared.bus.fetch import RecordFetcher
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import Record
from shared.bus.settings import BusSettings
from shared.bus.step import DeadLetter, Emit, Result
from shared.errors import LinegateError
from shared.events import DeadLetterStop, PartImage, now
from tests.integration.bus.support import PATIENCE, running
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka
Dlq = Callable[..., str]


class Line:
    """A plant of a test's own on Linegate's own topics, with a worker that sets its photos aside."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.plant = f"p{uuid.uuid4().hex[:8]}"
        quick = {"session_timeout_ms": 6000, "transaction_timeout_ms": 5000, "message_timeout_ms": 4000}
        self.bus = BusSettings(bootstrap_servers=bootstrap_servers, group=self.plant, **quick)  # type: ignore[arg-type] # all integers
        self.broken = True

    def photos(self, count: int, *, part: str = "part-1") -> list[PartImage]:
        """Publish photos."""
        pixels = BytesIO()
        Image.new("RGB", (8, 6)).save(pixels, "PNG")
        images = [
            PartImage(
                id=f"{self.plant}-{n}", part=part, plant=self.plant, line="line-1", captured=now(),
                pixels=pixels.getvalue(), mediatype="image/png",
            )
            for n in range(count)
        ]  # fmt: skip
        with EventPublisher(self.bus.model_copy(update={"message_timeout_ms": 60_000})) as publisher:
            for future in [publisher.publish(image) for image in images]:
                future.result(PATIENCE)
        return images

    def worker(self) -> Worker:
        """It sets aside photos of this plant while they are `broken`, and passes over everything else."""

        def step(batch: Sequence[PartImage]) -> list[Result]:
            return [DeadLetter("blurred") if i.plant == self.plant and self.broken else Emit(()) for i in batch]

        return Worker(step, consumes=PartImage, name=self.plant, settings=self.bus)

    def letters(self, count: int) -> list[str]:
        """Ids of this plant's dead letters, once there are so many."""
        return [f"{r.topic}/{r.partition}/{r.offset}" for r in self.read(count, dead=True)]

    def read(self, count: int, *, dead: bool = False) -> list[Record]:
        """This plant's photos, or its dead letters, once there are so many; and what comes in the moment after."""
        found: list[Record] = []
        types, dead_letters_of = ((), (PartImage,)) if dead else ((PartImage,), ())
        waited = 0.0
        with EventReader(self.bus, types, start="earliest", dead_letters_of=dead_letters_of) as reader:
            while len(found) < count and waited < PATIENCE:
                read = reader.poll(0.5)
                waited += 0.5 if read is None else 0.0
                found += [read[0]] if read is not None and self._ours(read[0]) else []
            found += [record for record, _ in reader.read_to_end() if self._ours(record)]
        return found

    def _ours(self, record: Record) -> bool:
        return dict(record.headers).get("ce_plant") == self.plant.encode()


@pytest.fixture
def line(kafka: Kafka) -> Line:
    """A plant of this test's own."""
    return Line(kafka.bootstrap_servers)


@pytest.fixture
def dlq(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dlq]:
    """Run `linegate dlq ...`; answers its output, raises its error."""
    monkeypatch.setenv("LINEGATE_BUS__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def _listed(dlq: Dlq, line: Line, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dlq("list", "--plant", line.plant, "--json", *arguments))["letters"]
    return found


def test_list_show_and_drop(line: Line, dlq: Dlq, tmp_path: Path) -> None:
    """Grouped by reason and line; the original bytes come back; what is given up is open no more, and says why."""
    images = line.photos(3)
    with running(line.worker()):
        ids = line.letters(3)
    table = dlq("list", "--plant", line.plant)
    assert all(word in table for word in ("3", "blurred", f"{line.plant}/line-1", "linegate.images"))
    assert len(_listed(dlq, line, "--since", "1h", "--reason", "BLUR", "--topic", "linegate.images")) == 3
    assert _listed(dlq, line, "--reason", "bomb") == []
    saved = tmp_path / "photo.png"
    shown = dlq("show", ids[0], "--save", str(saved))
    assert saved.read_bytes() == images[0].pixels
    assert all(word in shown for word in ("blurred", "image/png, 8 x 6 pixels", "ce_plant", "open"))
    assert "Give up" not in dlq("drop", ids[0], "--reason", "a test card", "--dry-run")
    assert len(_listed(dlq, line)) == 3
    dlq("drop", ids[0], "--reason", "a test card", "--author", "ada", "--yes")
    assert ids[0] not in {one["id"] for one in _listed(dlq, line)}
    (dropped,) = _listed(dlq, line, "--state", "dropped")
    assert (dropped["settled"]["by"], dropped["settled"]["note"]) == ("ada", "a test card")
    assert "a test card" in dlq("show", ids[0])
    assert "1 had been settled before" in dlq("drop", ids[0], "--reason", "again", "--yes")


def test_a_letter_that_is_not_there_is_told(dlq: Dlq) -> None:
    """Behind the end, or of no such partition."""
    for place in ("linegate.images.dlq/0/999999", "linegate.images.dlq/99/0", "no.such.dlq/0/0"):
        with pytest.raises(LinegateError, match=f"there is no dead letter {place}"):
            dlq("show", place)


def test_a_replay_goes_where_it_came_from_and_is_traced_to_its_first_attempt(line: Line, dlq: Dlq) -> None:
    """It fails once more, and that letter knows the first place; then it succeeds. Each letter is settled by itself."""
    (image,) = line.photos(1)
    with running(line.worker()):
        (first,) = line.letters(1)
        dlq("replay", first, "--note", "another try", "--yes")
        _, second = line.letters(2)
        line.broken = False
        dlq("replay", "--plant", line.plant, "--yes")
        records = line.read(3)
    assert [dict(r.headers)["ce_id"] for r in records] == [image.id.encode()] * 3
    assert {r.partition for r in records} == {records[0].partition}
    assert {r.value for r in records} == {image.pixels}
    original = f"linegate.images/{records[0].partition}/{records[0].offset}"
    assert dict(records[2].headers)["lg_first_offset"] == str(records[0].offset).encode()
    assert dict(records[2].headers)["lg_letter"] == second.encode()
    assert dict(records[2].headers)["lg_attempt"] == b"3"
    one, two = _listed(dlq, line, "--state", "replayed")
    assert [(e["first"], e["attempt"]) for e in (one, two)] == [(original, 1), (original, 2)]
    places = [f"linegate.images/{r.partition}/{r.offset}" for r in records]
    assert [e["settled"]["replayed_to"] for e in (one, two)] == places[1:]
    assert [e["origin"] for e in (one, two)] == places[:2]
    assert len(line.letters(2)) == 2


def test_a_replay_that_is_killed_and_run_again_sends_each_letter_once(line: Line, dlq: Dlq) -> None:
    """SIGKILL in the midst of it, then the same command once more."""
    line.photos(40)
    with running(line.worker()):
        line.letters(40)
    command = [sys.executable, "-m", "shared.cli", "dlq", "replay", "--plant", line.plant, "--yes", "--rate", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if "->" in text and text.strip().startswith("linegate.images.dlq"):
                break
        process.kill()
    dlq("replay", "--plant", line.plant, "--yes", "--rate", "100")
    sent = Counter(dict(r.headers)["ce_id"] for r in line.read(80))
    assert set(sent.values()) == {2}, "the photo itself, and one replay"
    assert len(sent) == 40
    assert _listed(dlq, line) == []


def test_two_who_replay_at_once_send_each_letter_once(line: Line, dlq: Dlq) -> None:
    """The elder is sent away from the desk, whatever it was doing."""
    line.photos(12)
    with running(line.worker()):
        ids = line.letters(12)
    failures: list[BaseException] = []
    begun = threading.Event()

    def elder() -> None:
        try:
            with Desk(line.bus, by="elder", note=None) as desk, RecordFetcher(line.bus) as fetcher:
                for id_ in ids:
                    desk.replay(fetch_letter(fetcher, id_))
                    begun.set()
        except LinegateError as error:
            failures.append(error)

    thread = threading.Thread(target=elder)
    thread.start()
    assert begun.wait(PATIENCE)
    before = 0
    with Desk(line.bus, by="younger", note=None) as desk, RecordFetcher(line.bus) as fetcher:
        for id_ in ids:
            try:
                desk.replay(fetch_letter(fetcher, id_))
            except AlreadySettled:
                before += 1
    thread.join(PATIENCE)
    assert before >= 1
    # The elder was through before the younger began, or it was told to go.
    assert before == 12 or "somebody else settles" in str(failures[0])
    sent = Counter(dict(r.headers)["ce_id"] for r in line.read(24))
    assert set(sent.values()) == {2}
    assert {e["settled"]["by"] for e in _listed(dlq, line, "--state", "replayed")} <= {"elder", "younger"}


def test_a_stopped_topic_is_told_and_resumed(line: Line, dlq: Dlq) -> None:
    """`list` shows it first; only what is stopped can be resumed."""
    topic = f"{line.plant}.dlq"
    with pytest.raises(LinegateError, match="is not stopped"):
        dlq("resume", topic)
    stop = DeadLetterStop(topic=topic, stopped=True, by="crop-0", note="600 dead letters within a minute")
    with EventPublisher(line.bus) as publisher:
        publisher.publish(stop).result(PATIENCE)
    assert f"linegate dlq resume {topic}" in dlq("list", "--plant", line.plant)
    assert "takes dead letters again" in dlq("resume", line.plant, "--note", "mended")
    assert topic not in dlq("list", "--plant", line.plant)
