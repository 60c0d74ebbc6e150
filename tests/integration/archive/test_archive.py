"""The real archive worker as a process, on real Kafka and a real store: killed, without a store, refused."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest

from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import Event, Fault, PartAnomalyMap, PartImage, Verdict
from shared.evidence import EvidenceRef, EvidenceShelf, EvidenceSource, LiveEvidence, marked
from shared.history import History, Scope
from shared.images import encode_png
from shared.settings import ImageSettings, StoreSettings
from shared.settings.plants import PlantsSettings
from tests.integration.conftest import Kafka
from tests.unit.services.archive.archived import LIMITS, NOON, verdict
from tests.unit.services.archive.test_step import a_map
from tests.unit.services.events import crop, photo, picture
from tests.unit.services.labels.parts import STAMP

pytestmark = pytest.mark.kafka
SERVE: Final = [sys.executable, "-c", "from services.cli import serve; serve()", "archive"]
PATIENCE: Final = 120.0
HEAT: Final = np.zeros((64, 64), np.uint8)
HEAT[10:20, 40:50] = 255


class Line:
    """One plant, its store, and its archive worker."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.plant = f"p{uuid.uuid4().hex[:8]}"
        self.bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
        self.folder = folder / "store"
        self.folder.mkdir()
        self.store = StoreSettings(url=str(self.folder))
        self.shelf = EvidenceShelf(self.store)
        self.history = History(self.store, PlantsSettings(), LIMITS)
        self._log = folder / "archive.log"
        self._environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "LINEGATE_STORE__URL": self.store.url,
            "LINEGATE_BUS__GROUP": self.plant,
            "LINEGATE_BUS__INSTANCE": self.plant,
            "LINEGATE_BUS__SESSION_TIMEOUT_MS": "6000",
            "LINEGATE_BUS__TRANSACTION_TIMEOUT_MS": "5000",
            "LINEGATE_BUS__MESSAGE_TIMEOUT_MS": "4000",
            "LINEGATE_BUS__RETRY_INITIAL_S": "0.2",
            "LINEGATE_BUS__RETRY_MAX_S": "1",
            "LINEGATE_ARCHIVE__MAX_EVENTS": "40",
            "LINEGATE_ARCHIVE__MAX_WAIT_S": "0.2",
            "LINEGATE_ARCHIVE__KEEP_PASSED": "0",
            "LINEGATE_ARCHIVE__TIDY_S": "0.5",
            "LINEGATE_ARCHIVE__MERGE_FILES": "3",
        }
        self._publisher = EventPublisher(self.bus)

    def publish(self, *events: Event) -> list[str]:
        """Publish; answers where each record lies."""
        reports = [future.result(PATIENCE) for future in [self._publisher.publish(event) for event in events]]
        return [f"{report.partition}@{report.offset}" for report in reports]

    def judged(self, names: list[str], *, failed: set[str]) -> list[Verdict]:
        """Photos, crops, verdicts and maps, as the line publishes them, each verdict with its pictures' places."""
        photos = [photo(f"{self.plant}-{name}", part=f"P{name}", plant=self.plant, captured=NOON) for name in names]
        photos_at = self.publish(*photos)
        crops = [
            crop(image.id, part=image.part, plant=self.plant, captured=NOON, image=image.id, photoat=at)
            for image, at in zip(photos, photos_at, strict=True)
        ]
        verdicts = [
            verdict(
                image.id,
                image=image.id,
                part=image.part,
                plant=self.plant,
                decision="fail" if name in failed else "pass",
                photo=photo_at,
                crop=crop_at,
            )
            for name, image, photo_at, crop_at in zip(names, photos, photos_at, self.publish(*crops), strict=True)
        ]
        maps = [
            a_map(one.id, image=one.image, plant=self.plant, part=one.part, pixels=encode_png(HEAT))
            for one in verdicts
            if one.decision == "fail"
        ]
        self.publish(*verdicts, *maps)
        return verdicts

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

    def ids(self) -> list[str]:
        """Of this plant's verdicts in the history, with any that is there twice."""
        return sorted(row["id"] for row in self.history.rows(Scope(plant=self.plant)))

    def wait(self, condition: Any, told: str, *, every: float = 0.1) -> None:
        """Until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{told}:\n{self.log[-3000:]}"
            time.sleep(every)

    @property
    def log(self) -> str:
        """What the worker said."""
        return self._log.read_text()

    def close(self) -> None:
        """End."""
        self._publisher.close()


@pytest.fixture
def line(kafka: Kafka, tmp_path: Path) -> Iterator[Line]:
    """A plant of this test's own."""
    made = Line(kafka, tmp_path)
    yield made
    made.close()


def test_every_verdict_once_whatever_dies(line: Line) -> None:
    """Killed by SIGKILL in mid-stream and started again: exactly the verdicts, and pictures of the rejected ones."""
    names = [str(number) for number in range(300)]
    failed = {name for name in names if int(name) % 20 == 0}
    verdicts = line.judged(names, failed=failed)
    with line.worker() as process:
        # Looked for on the disk, which is quicker than asking: the worker must not get far before it dies.
        line.wait(lambda: any(line.folder.rglob("*.parquet")), "nothing is archived", every=0.002)
        process.kill()
        process.wait()
        some = len(line.ids())
    assert some < len(names), "killed too late to show anything"
    with line.worker() as process:
        wanted = sorted(one.id for one in verdicts)
        line.wait(lambda: line.ids() == wanted, "not all verdicts are archived")
        rejected = [one for one in verdicts if one.decision == "fail"]
        line.wait(lambda: all(_pictures(line, one) for one in rejected), "not all pictures are kept")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert line.ids() == wanted
    day = line.history.summary("day", Scope(plant=line.plant)).total
    assert (day.parts, day.failed) == (len(names), len(failed))
    for one in rejected:
        _is_good_to_look_at(line, one)
    assert not any(
        line.shelf.get(line.plant, NOON.date(), one.image, name)
        for one in verdicts
        if one.decision == "pass"
        for name in ("photo", "crop", "map")
    )


def _pictures(line: Line, one: Verdict) -> bool:
    return all(line.shelf.get(line.plant, NOON.date(), one.image, name) for name in ("photo", "crop", "map"))


def _is_good_to_look_at(line: Line, one: Verdict) -> None:
    """The pictures are those that were sent, and the marked one shows the heat."""
    source = EvidenceSource(line.shelf)
    kept = {name: source.get(one, name) for name in ("photo", "crop", "map")}
    sent = encode_png(picture(len(one.image) - len("photo-")))
    assert kept["photo"] == sent
    assert kept["crop"] is not None
    shown = marked(kept["crop"], map_png=kept["map"], peak=one.checks[0].peak)
    assert cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR).shape == (320, 320, 3)


def test_what_cannot_be_archived_stops_nothing_else(line: Line) -> None:
    """A number too large for any column is a dead letter; pictures that Kafka has no more are told and passed over."""
    (good,) = line.judged(["good"], failed=set())
    shown = good.model_dump(exclude={"id"})
    huge = STAMP.model_copy(update={"revision": 2**64})
    bad = Verdict.model_validate(shown | {"id": f"{line.plant}-bad", "model": huge})
    gone = verdict(f"{line.plant}-gone", plant=line.plant, decision="fail", photo="0@999999999", crop="3@999999999")
    with EventReader(line.bus, (Fault,), dead_letters_of=(Verdict, PartAnomalyMap)) as reader, line.worker():
        line.publish(bad, gone, a_map(line.plant, plant=line.plant, pixels=b"GIF", mediatype="image/png"))
        line.wait(lambda: line.ids() == sorted([good.id, gone.id]), "not archived")
        line.wait(lambda: line.log.count("not in Kafka any more") >= 2, "the missing pictures are not told")
        reasons: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while len(reasons) < 2:
            assert time.monotonic() < deadline, reasons
            read = reader.poll(0.2)
            if read is not None and read[0].topic.endswith(".dlq"):
                headers = {name: (value or b"").decode() for name, value in read[0].headers}
                if line.plant in (read[0].value or b"").decode() + headers.get("ce_plant", ""):
                    reasons.append(headers["lg_reason"])
        assert any("revision is 18446744073709551616" in reason for reason in reasons)
        assert any("carries no PNG" in reason for reason in reasons)


def test_a_store_that_is_away_and_comes_back(line: Line) -> None:
    """The worker waits and says so; nothing is lost."""
    verdicts = line.judged([str(number) for number in range(30)], failed={"3"})
    line.folder.rmdir()
    line.folder.write_bytes(b"no folder")
    with EventReader(line.bus, (Fault,)) as reader, line.worker():
        faults: list[Fault] = []

        def told() -> bool:
            read = reader.poll(0.2)
            if read is not None and isinstance(read[1], Fault) and read[1].instance == line.plant:
                faults.append(read[1])
            return any(fault.kind == "store_away" for fault in faults)

        line.wait(told, "the fault is not told")
        line.folder.unlink()
        line.folder.mkdir()
        line.wait(lambda: line.ids() == sorted(one.id for one in verdicts), "not archived")
        line.wait(lambda: _pictures(line, verdicts[3]), "pictures not kept")


def test_pictures_straight_from_kafka(line: Line, tmp_path: Path) -> None:
    """Right after the verdict, before the archive has them; also a photo that was sent by reference."""
    (one,) = line.judged(["1"], failed={"1"})
    png = encode_png(picture(5))
    (tmp_path / "photo.png").write_bytes(png)
    root = tmp_path.as_uri() + "/"
    named = PartImage.model_validate(
        photo(f"{line.plant}-named", plant=line.plant).model_dump(exclude={"pixels"})
        | {"dataref": f"{root}photo.png", "datasize": len(png), "datasha256": hashlib.sha256(png).hexdigest()}
    )
    empty = Verdict.model_validate(one.model_dump() | {"id": "other", "image": "another"})
    (named_at,) = line.publish(named)
    with LiveEvidence(line.bus, ImageSettings(dataref_roots=(root,))) as live, LiveEvidence(line.bus) as narrow:
        source = EvidenceSource(line.shelf, live)
        photo_bytes, crop_bytes = source.get(one, "photo"), source.get(one, "crop")
        assert photo_bytes == encode_png(picture(len(one.image) - len("photo-")))
        assert crop_bytes is not None
        assert source.get(one, "map") is None
        ref = EvidenceRef(line.plant, named.id, NOON, photo=named_at, crop="3@999999999")
        assert source.get(ref, "photo") == png
        assert source.get(ref, "crop") is None
        assert EvidenceSource(line.shelf, narrow).get(ref, "photo") is None
        # A topic made anew has another photo at the same place.
        assert source.get(empty, "photo") is None
        assert source.get(EvidenceRef(line.plant, one.image, NOON), "photo") is None
        assert source.get(EvidenceRef(line.plant, one.image, NOON, photo="77@0"), "photo") is None
        line.shelf.put(line.plant, NOON.date(), one.image, "photo", b"kept")
        assert source.get(one, "photo") == b"kept"
