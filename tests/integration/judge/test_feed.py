"""The feed of verdicts on a real broker."""

import threading
import uuid
from datetime import datetime

import pytest

from services.rollout.feed import VerdictFeed
from shared.bus.publisher import EventPublisher
from shared.bus.record import OutgoingRecord
from shared.bus.settings import BusSettings
from shared.events import ShadowVerdict, Verdict, now
from shared.registry.snapshot import Snapshot
from tests.integration.conftest import Kafka
from tests.unit.shared.trials.opinions import opinion

pytestmark = pytest.mark.kafka
PATIENCE = 60.0


class Watcher:
    """Remembers what it saw, and how much of it before each look."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.seen: list[Verdict] = []
        self.looks: list[int] = []
        self.looked = threading.Event()

    def saw(self, verdict: Verdict) -> None:
        """Keep those of this test."""
        if verdict.model is not None and verdict.model.assignment == self.key:
            self.seen.append(verdict)

    def look(self, now: datetime, snapshot: Snapshot) -> None:
        """Note how many there were."""
        assert now.tzinfo is not None
        assert snapshot.revision == 7
        self.looks.append(len(self.seen))
        self.looked.set()


def test_nobody_looks_before_all_that_was_there_is_told(kafka: Kafka) -> None:
    """Both topics, all partitions, from the window on; what is no verdict is passed over; each verdict once."""
    bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
    name = f"t{uuid.uuid4().hex[:8]}"
    key = f"{name}/*/*/*/*"
    first, second = Watcher(key), Watcher(key)
    known: list[Snapshot | None] = [None]
    with EventPublisher(bus) as publisher:
        futures = [publisher.publish(opinion(f"{name}-{i}", "v2", "champion", key=key, at=now())) for i in range(300)]
        futures += [publisher.publish(opinion(f"{name}-{i}", "v3", "shadow", key=key, at=now())) for i in range(300)]
        futures.append(publisher.publish_record(OutgoingRecord(Verdict.TOPIC, b"k", b"no verdict", ())))
        for future in futures:
            future.result(PATIENCE)
    feed = VerdictFeed(bus, [first, second], snapshot=lambda: known[0], window_s=lambda _: 600.0, look_s=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    try:
        assert not first.looked.wait(0.5), "it looked without a registry"
        assert not feed.caught_up
        known[0] = Snapshot(revision=7)
        assert second.looked.wait(PATIENCE)
        assert feed.caught_up
    finally:
        stop.set()
        thread.join(PATIENCE)
    for watcher in (first, second):
        assert watcher.looks[0] == 600
        assert len({verdict.id for verdict in watcher.seen}) == len(watcher.seen) == 600
        assert {type(verdict) for verdict in watcher.seen} == {Verdict, ShadowVerdict}
