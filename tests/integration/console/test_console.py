"""The console on real servers: a fail is seen with its pictures, answered, and the answer is on the topic."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import KafkaBroker
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.bus.topics import ensure_topics
from shared.events import Feedback
from tests.integration.console.conftest import PATIENCE, Console, Stream, judge

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_a_fail_is_seen_and_answered(kafka: Any, start_console: Callable[[str], Console]) -> None:
    """Told by the stream, shown with crop, map and photo out of Kafka; one click later the word is on its topic.

    The console ends in order though a browser still follows it.
    """
    bus = BusSettings(bootstrap_servers=kafka.bootstrap_servers)
    console = start_console(kafka.bootstrap_servers)
    console.sign_in()
    console.wait_ready()
    stream = Stream(console, "fails,lines")
    console.wait(lambda: stream.told)
    stream.told.clear()

    image = f"photo-{uuid.uuid4()}"
    judged = judge(bus, image)
    console.wait(lambda: "fails" in stream.told)
    console.wait(lambda: f'data-image="{image}"' in console.page("/fails/list"))
    assert judged.part in console.page("/line/lines")
    for name, kind in (("crop", "image/png"), ("overlay", "image/png"), ("photo", "image/jpeg")):
        found = console.wait(
            lambda name=name: (answer := console.browser.get(f"/evidence/munich/{image}/{name}")).is_success and answer
        )
        assert found.headers["content-type"] == kind
        assert len(found.content) > 50

    with EventReader(bus, (Feedback,)) as words:
        said = {"finding": "false_alarm", "note": "only dust"}
        answer = console.browser.post(f"/parts/munich/{image}/feedback", data=said)
        assert answer.status_code == 200
        read = words.poll(PATIENCE)
        while read is None:
            read = words.poll(PATIENCE)
        word = read[1]
    assert isinstance(word, Feedback)
    assert (word.image, word.finding, word.note) == (image, "false_alarm", "only dust")
    assert word.judged is not None
    assert word.judged.decision == "fail"
    assert "only dust" in console.page(f"/parts/munich/{image}")

    console.process.terminate()
    assert console.process.wait(PATIENCE) == 0
    assert stream.ended.wait(PATIENCE)
    assert console.token not in console.log.read_text()


def test_kafka_comes_and_goes_and_comes_back(tmp_path: Path, start_console: Callable[[str], Console]) -> None:
    """The page says since when it is away, shows what it knows, and goes on by itself.

    What came while it did not look is counted once.
    """
    broker = KafkaBroker(tmp_path / "kafka")
    console = start_console(broker.bootstrap_servers)
    console.sign_in()
    console.wait(lambda: "kafka-away" in console.page("/line"))
    assert console.probes.get("/readyz").status_code == 503
    assert console.probes.get("/healthz").status_code == 200
    with broker:
        ensure_topics(AdminClient({"bootstrap.servers": broker.bootstrap_servers}))
        bus = BusSettings(bootstrap_servers=broker.bootstrap_servers)
        console.wait_ready()
        console.wait(lambda: "kafka-away" not in console.page("/line"))
        judge(bus, "before")
        console.wait(lambda: 'data-image="before"' in console.page("/fails/list"))

        broker.kill()
        console.wait(lambda: "kafka-away" in console.page("/line"))
        assert 'data-image="before"' in console.page("/fails/list")
        refused = console.browser.post("/parts/munich/before/feedback", data={"finding": "false_alarm"})
        assert refused.status_code == 503

        broker.start()
        judge(bus, "after")
        console.wait(lambda: 'data-image="after"' in console.page("/fails/list"))
        console.wait(lambda: "kafka-away" not in console.page("/line"))
        assert "2 fails" in console.page("/line/lines")
