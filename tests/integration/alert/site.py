"""One plant with a real alert worker as a process, and everything that it tells."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import redis
from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.alerts import scripts
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.subscription import Subscription
from shared.bus.clients import open_consumer
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import OutgoingRecord
from shared.bus.settings import BusSettings
from shared.events import AlertChanged, Check, Event, PartCrop, PartImage, Verdict, now
from shared.registry.place_key import PlaceKey
from shared.settings.sections import RedisSettings
from tests.integration.conftest import Kafka
from tests.unit.services.labels.parts import verdict

SERVE: Final = [sys.executable, "-c", "from services.cli import serve; serve()", "alert"]
PATIENCE: Final = 60.0


class Site:
    """A plant of a test's own.

    Args:
        kafka: the broker.
        redis_url: where Redis is; its alerts are removed.
        folder: for the worker's logs.
        settings: more for the worker, by name.
    """

    def __init__(self, kafka: Kafka, redis_url: str, folder: Path, **settings: str) -> None:
        self.plant = f"p{uuid.uuid4().hex[:8]}"
        self.bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
        self.client: redis.Redis = redis.Redis.from_url(redis_url, decode_responses=True)
        for key in self.client.scan_iter(scripts.PREFIX + "*"):
            self.client.delete(key)
        where = RedisSettings.model_validate({"url": redis_url})
        self.desk = SubscriptionDesk(where)
        self.book = AlertBook(where)
        self.log = folder / "alert.log"
        self.groups = {name: f"{self.plant}-{name}" for name in ("crop", "score")}
        self._environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "REDIS_URL": redis_url,
            "LINEGATE_BUS__GROUP": self.plant,
            "LINEGATE_BUS__SESSION_TIMEOUT_MS": "6000",
            "LINEGATE_BUS__TRANSACTION_TIMEOUT_MS": "5000",
            "LINEGATE_BUS__MESSAGE_TIMEOUT_MS": "4000",
            "LINEGATE_BUS__MAX_EVENTS": "4",
            "LINEGATE_BUS__RETRY_INITIAL_S": "0.2",
            "LINEGATE_BUS__RETRY_MAX_S": "0.5",
            "LINEGATE_ALERTS__LOOK_S": "0.2",
            "LINEGATE_ALERTS__LATENESS_S": "1",
            "LINEGATE_ALERTS__CROP_GROUP": self.groups["crop"],
            "LINEGATE_ALERTS__SCORE_GROUP": self.groups["score"],
            **{f"LINEGATE_ALERTS__{name.upper()}": value for name, value in settings.items()},
        }
        self._publisher = EventPublisher(self.bus)
        self._reader = EventReader(self.bus, (AlertChanged,))
        self.told: list[AlertChanged] = []
        self.nothing_waits()

    def subscribe(self, name: str, condition: Any, **more: Any) -> Subscription:
        """A subscription to this plant."""
        fields = {"scope": PlaceKey.parse(self.plant), "group_by": ("plant", "line"), "resolve_after_s": 3600, **more}
        made = Subscription(id=f"{self.plant}-{name}", condition=condition, **fields)
        self.desk.put_subscription(made, expected=None, author="test")
        return made

    def verdict(
        self,
        name: str,
        *,
        failed: bool = True,
        at: datetime | None = None,
        peak: tuple[float, float] | None = None,
        **more: Any,
    ) -> Verdict:
        """A verdict of this plant, of right now unless it is said."""
        captured = at or now()
        score, result = (3.0, "fail") if failed else (1.0, "pass")
        check = {"name": "damage", "result": result, "score": score, "threshold": 2.0, "peak": peak}
        return verdict(
            f"{self.plant}-{name}",
            score=score,
            plant=self.plant,
            captured=captured,
            time=captured + timedelta(milliseconds=300),
            model=None,
            checks=(Check.model_validate(check),),
            **more,
        )

    def publish(self, *events: Event) -> None:
        """Publish, and wait until the broker has them."""
        for future in [self._publisher.publish(event) for event in events]:
            future.result(PATIENCE)

    def publish_record(self, record: OutgoingRecord) -> None:
        """Publish a record as it is."""
        self._publisher.publish_record(record).result(PATIENCE)

    def nothing_waits(self) -> None:
        """As if crop and score were done with all that there is."""
        for name, consumes in (("crop", PartImage), ("score", PartCrop)):
            consumer = open_consumer(self.bus, **{"group.id": self.groups[name]})
            try:
                ends = _ends(consumer, consumes.TOPIC)
                consumer.commit(offsets=ends, asynchronous=False)
            finally:
                consumer.close()

    @contextmanager
    def worker(self, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The process for the length of a block; it is killed by SIGKILL at the end if it still runs."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(SERVE, env=self._environment | environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def wait(self, enough: Callable[[], bool]) -> None:
        """Read what is told until it is enough."""
        deadline = time.monotonic() + PATIENCE
        while not enough():
            assert time.monotonic() < deadline, f"{self.steps}:\n{self.log.read_text()[-4000:]}"
            self._take(self._reader.poll(0.2))

    def wait_steps(self, count: int) -> None:
        """Until so many steps were told."""
        self.wait(lambda: len(self.told) >= count)

    def wait_triggers(self, count: int) -> None:
        """Until the open alerts count so many."""
        self.wait(lambda: sum(held.record.count for held in self.book.open_alerts()) >= count)

    def read_rest(self) -> None:
        """What has come beside."""
        for read in self._reader.read_to_end(patience=PATIENCE):
            self._take(read)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """What was told so far: subscription and step."""
        return [(one.subscription.removeprefix(f"{self.plant}-"), one.step) for one in self.told]

    def _take(self, read: Any) -> None:
        if read is not None and isinstance(read[1], AlertChanged) and read[1].subscription.startswith(self.plant):
            self.told.append(read[1])

    def close(self) -> None:
        """End."""
        self._reader.close()
        self._publisher.close()
        self.book.close()
        self.desk.close()
        self.client.close()


def _ends(consumer: Consumer, topic: str) -> list[TopicPartition]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            places = [
                TopicPartition(topic, one) for one in consumer.list_topics(topic, timeout=5).topics[topic].partitions
            ]
            ends = [consumer.get_watermark_offsets(place, timeout=5)[1] for place in places]
            return [TopicPartition(topic, place.partition, end) for place, end in zip(places, ends, strict=True)]
        except KafkaException:
            # A broker that has just come up knows its leaders a moment later.
            assert time.monotonic() < deadline
            time.sleep(0.1)
