"""Feedback becomes a label exactly once: the real worker as a process on real Kafka, killed in the midst of work."""

import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Event, Feedback, Judged, LabelledPart, derived_event_id
from tests.integration.conftest import Kafka
from tests.unit.services.labels.parts import STAMP, feedback, verdict

pytestmark = pytest.mark.kafka
SERVE: Final = [sys.executable, "-c", "from services.cli import serve; serve()", "labels"]
PAGE = Path(__file__).parents[3] / "docs" / "feedback.md"
PATIENCE: Final = 120.0


class Line:
    """One plant, its labels worker, and everything that comes of its feedback."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.plant = f"p{uuid.uuid4().hex[:8]}"
        self.bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
        self._log = folder / "labels.log"
        self._environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "LINEGATE_BUS__GROUP": self.plant,
            "LINEGATE_BUS__INSTANCE": self.plant,
            "LINEGATE_BUS__SESSION_TIMEOUT_MS": "6000",
            "LINEGATE_BUS__TRANSACTION_TIMEOUT_MS": "5000",
            "LINEGATE_BUS__MESSAGE_TIMEOUT_MS": "4000",
            "LINEGATE_BUS__MAX_EVENTS": "4",
            "LINEGATE_BUS__RETRY_INITIAL_S": "0.2",
        }
        self._publisher = EventPublisher(self.bus)
        self._reader = EventReader(self.bus, (LabelledPart,), dead_letters_of=(Feedback,))
        self.labels: list[LabelledPart] = []
        self.dead: dict[str, str] = {}
        """Reason by id of the feedback."""

    def verdict(self, name: str, **more: Any) -> Event:
        """A verdict of this plant."""
        stamp = STAMP.model_copy(update={"assignment": f"{self.plant}/line-1/*/*/*"})
        return verdict(name, plant=self.plant, model=stamp, **more)

    def feedback(self, name: str, finding: str = "false_alarm", **more: Any) -> Feedback:
        """A word at this plant."""
        return feedback(name, finding, **({"plant": self.plant, "id": f"{self.plant}-{name}"} | more))

    def publish(self, *events: Event) -> None:
        """Publish, and wait until the broker has them."""
        for future in [self._publisher.publish(event) for event in events]:
            future.result(PATIENCE)

    @contextmanager
    def worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The process for the length of a block; it is killed at the end if it still runs."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(SERVE, env=self._environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def read(self, *, labels: int, dead: int = 0) -> None:
        """Wait until there are so many labels and dead letters of this plant."""
        deadline = time.monotonic() + PATIENCE
        while len(self.labels) < labels or len(self.dead) < dead:
            assert time.monotonic() < deadline, f"{len(self.labels)}, {self.dead}:\n{self._log.read_text()[-3000:]}"
            self._take(self._reader.poll(0.2))

    def read_rest(self) -> None:
        """What has come beside."""
        for read in self._reader.read_to_end(patience=PATIENCE):
            self._take(read)

    def _take(self, read: Any) -> None:
        if read is None:
            return
        record, event = read
        if isinstance(event, LabelledPart) and event.plant == self.plant:
            self.labels.append(event)
        elif record.topic.endswith(".dlq") and f'"{self.plant}"'.encode() in (record.value or b""):
            headers = {name: (value or b"").decode() for name, value in record.headers}
            self.dead[headers["ce_id"]] = headers["lg_reason"]

    def close(self) -> None:
        """End."""
        self._reader.close()
        self._publisher.close()


@pytest.fixture
def line(kafka: Kafka, tmp_path: Path) -> Iterator[Line]:
    """A plant of this test's own."""
    made = Line(kafka, tmp_path)
    yield made
    made.close()


def test_every_word_becomes_one_label_whatever_dies(line: Line) -> None:
    """Killed by SIGKILL in the midst: no label is lost, none doubled, in the order of the words on each photo."""
    names = [str(number) for number in range(200)]
    line.publish(*(line.verdict(name) for name in names))
    words = [line.feedback(name, id=f"{line.plant}-a{name}") for name in names]
    words += [line.feedback(name, "confirmed_damage", id=f"{line.plant}-b{name}") for name in names]
    line.publish(*words)
    with line.worker():
        line.read(labels=40)
    line.read_rest()
    assert len(line.labels) < len(words), "the worker was done before it was killed: the test proves nothing"
    with line.worker() as second:
        line.read(labels=len(words))
        second.terminate()
        assert second.wait(PATIENCE) == 0
    line.read_rest()
    assert Counter(label.id for label in line.labels) == Counter(derived_event_id(word.id, "label") for word in words)
    last = {label.record_key: label.finding for label in line.labels}
    assert last == {f"{line.plant}/photo-{name}": "confirmed_damage" for name in names}


def test_a_word_waits_for_its_verdict_and_a_wrong_one_is_set_aside(line: Line) -> None:
    """Without `judged`, with it, about nothing, about another decision, and about a verdict that just came."""
    line.publish(line.verdict("1"), line.verdict("2", score=1.0))
    with line.worker():
        brought = verdict("3", score=1.0, plant=line.plant)
        judged = Judged.of(brought.model_copy(update={"model": None}))
        line.publish(
            line.feedback("1"),
            line.feedback("2", "false_alarm"),
            line.feedback("3", "missed_damage", judged=judged),
            line.feedback("4"),
            line.feedback("5", image="no such photo"),
        )
        line.read(labels=2, dead=3)
        for number in range(6, 16):
            # The index is behind by the time that its thread needs: never by a dead letter.
            line.publish(line.verdict(str(number)), line.feedback(str(number)))
        line.read(labels=12, dead=3)
    line.read_rest()
    assert {label.image: label.label for label in line.labels} == {
        "photo-1": "good", "photo-3": "damaged", **{f"photo-{number}": "good" for number in range(6, 16)},
    }  # fmt: skip
    first = next(label for label in line.labels if label.image == "photo-1")
    assert first.judged.model is not None
    assert (first.station, first.layout, first.judged.model.score) == ("st-40", "us", 3.0)
    assert {name.removeprefix(f"{line.plant}-"): reason.partition(":")[0] for name, reason in line.dead.items()} == {
        "2": "false_alarm is about a part that failed, and this one passed",
        "4": f"no verdict on photo photo-4 at plant {line.plant} among the latest 200000 verdicts of 168 h",
        "5": f"no verdict on photo no such photo at plant {line.plant} among the latest 200000 verdicts of 168 h",
    }


def test_the_mes_on_the_page_gives_feedback(kafka: Kafka, tmp_path: Path) -> None:
    """The Python program of docs/feedback.md, word for word but for Kafka's address, publishes a valid event."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "kafka:9092" in program
    with EventReader(BusSettings(bootstrap_servers=kafka.bootstrap_servers), (Feedback,)) as reader:
        with_address = program.replace("kafka:9092", kafka.bootstrap_servers)
        subprocess.run([sys.executable, "-c", with_address], cwd=tmp_path, check=True, timeout=60)
        events = [event for _, event in reader.read_to_end(patience=PATIENCE)]
    (event,) = [one for one in events if isinstance(one, Feedback) and one.source == "/munich/mes"]
    assert (event.image, event.finding, event.by, event.judged) == (
        "7f0c2f9e-3c0e-4a55-8f7e-0f0d8f6f9a10",
        "false_alarm",
        "rework-3",
        None,
    )
