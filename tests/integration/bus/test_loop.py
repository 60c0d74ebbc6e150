"""The loop on a real broker: what every worker gets, without a fault and with faults of the step."""

import threading
from collections.abc import Sequence

import pytest

from shared.bus.dead_letter import revive
from shared.bus.errors import DeadLetterFloodError, StepFailedError
from shared.bus.publisher import EventPublisher
from shared.bus.record import OutgoingRecord
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.bus.topics import dead_letter_topic
from shared.events import DeadLetterStop, PartImage
from tests.integration.bus.support import PATIENCE, Scope, assert_exactly_once, running
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def test_every_event_comes_out_once_and_in_order_per_part(scope: Scope) -> None:
    """Consume, transform, produce: one crop per image, in each part's order, in the image's own trace."""
    images = [scope.image(n, part=f"part-{n % 7}") for n in range(200)]
    images[3] = images[3].model_copy(update={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    scope.publish(images)
    with running(scope.worker()):
        crops = scope.read_crops(count=len(images))
    assert_exactly_once(crops, images)
    assert crops[0].pixels == images[0].pixels
    traces = {crop.image: crop.traceparent for crop in crops}
    assert all(traces.values())
    assert str(traces[images[3].id]).split("-")[1] == "ab" * 16
    assert str(traces[images[3].id]).split("-")[2] != "cd" * 8


def test_a_second_run_goes_on_where_the_first_one_stopped(scope: Scope) -> None:
    """An orderly stop commits: the next worker repeats nothing and misses nothing."""
    images = [scope.image(n, part=f"part-{n % 5}") for n in range(120)]
    scope.publish(images[:60])
    with running(scope.worker()):
        scope.read_crops(count=60)
    scope.publish(images[60:])
    with running(scope.worker()):
        crops = scope.read_crops(count=120)
    assert_exactly_once(crops, images)


def test_a_dead_letter_keeps_the_record_byte_for_byte(scope: Scope) -> None:
    """What no envelope fits and what the step refuses goes to the dead-letter topic; the others pass."""
    headers = (("ce_type", b"something.else"), ("odd", None), ("odd", b"\xff\x00"), ("ce_id", b""))
    strange = OutgoingRecord(scope.images.TOPIC, b"\x00key", b"\xde\xad\xbe\xef", headers)

    def step(batch: Sequence[PartImage]) -> list[Result]:
        return [
            DeadLetter("no label; mount one") if image.id == "image-1" else result
            for image, result in zip(batch, scope.echo(batch), strict=True)
        ]

    with EventPublisher(scope.settings) as publisher:
        place = publisher.publish_record(strange).result(PATIENCE)
    scope.publish([scope.image(n) for n in range(3)])
    with running(scope.worker(step)):
        letters = scope.read_dead_letters(count=2)
        crops = scope.read_crops(count=2)
    assert sorted(crop.image for crop in crops) == ["image-0", "image-2"]
    by_key = {letter.key: letter for letter in letters}
    assert by_key.keys() == {b"\x00key", b"part-1"}
    letter = by_key[b"\x00key"]
    assert letter.topic == scope.images.TOPIC + ".dlq"
    assert letter.value == strange.value
    assert letter.headers[: len(headers)] == headers
    added = dict(letter.headers[len(headers) :])
    assert added.pop("lg_timestamp") is not None
    assert added.pop("lg_worker") is not None
    assert b"missing header ce_specversion" in (added.pop("lg_reason") or b"")
    assert added == {
        "lg_topic": place.topic.encode(),
        "lg_partition": str(place.partition).encode(),
        "lg_offset": str(place.offset).encode(),
    }
    revived = revive(letter)
    assert (revived.topic, revived.partition) == (place.topic, place.partition)
    assert (revived.key, revived.value, revived.headers[: len(headers)]) == (strange.key, strange.value, headers)
    assert dict(by_key[b"part-1"].headers)["lg_reason"] == b"no label; mount one"


def test_a_step_that_raises_loses_and_doubles_nothing(scope: Scope) -> None:
    """The work goes back to the committed offsets; once the step works again, each event comes out once."""
    images = [scope.image(n, part=f"part-{n % 5}") for n in range(100)]
    calls = 0

    def shaky(batch: Sequence[PartImage]) -> list[Result]:
        nonlocal calls
        calls += 1
        if calls in {2, 3, 6}:
            raise RuntimeError("the device died")
        return scope.echo(batch)

    scope.publish(images)
    with running(scope.worker(shaky)):
        crops = scope.read_crops(count=100)
    assert calls > 6
    assert_exactly_once(crops, images)


def test_a_step_that_keeps_failing_ends_the_worker_at_that_event(scope: Scope) -> None:
    """All before the culprit is published, the error names where it lies, and nothing behind it is lost."""
    scope.settings = scope.settings.model_copy(update={"max_failures": 3})
    images = [scope.image(n, part="one-part") for n in range(12)]

    def broken(batch: Sequence[PartImage]) -> list[Result]:
        if any(image.id == "image-7" for image in batch):
            raise RuntimeError("a bug")
        return scope.echo(batch)

    scope.publish(images)
    with pytest.raises(StepFailedError, match=r"images\[\d\]@7"):
        scope.worker(broken).run(threading.Event())
    assert [crop.image for crop in scope.read_crops(count=7)] == [image.id for image in images[:7]]
    with running(scope.worker()):
        crops = scope.read_crops(count=12)
    assert_exactly_once(crops, images)


def test_a_step_that_answers_too_few_results_fails(scope: Scope) -> None:
    """A broken contract is our fault, not the events': nothing is committed."""
    scope.settings = scope.settings.model_copy(update={"max_failures": 1})
    scope.publish([scope.image(0)])
    with pytest.raises(StepFailedError, match="0 results for 1 events"):
        scope.worker(lambda _: []).run(threading.Event())


def test_retry_holds_back_its_own_partition_only_and_keeps_order(scope: Scope) -> None:
    """While one event waits, its partition stands and the others flow; afterwards each part's order is kept."""
    images = [scope.image(n, part=f"part-{n % 8}") for n in range(160)]
    away = threading.Event()
    away.set()

    def step(batch: Sequence[PartImage]) -> list[Result]:
        results = scope.echo(batch)
        return [
            Retry("the store is away") if image.id == "image-16" and away.is_set() else result
            for image, result in zip(batch, results, strict=True)
        ]

    scope.publish(images)
    with running(scope.worker(step)):
        others = scope.read_crops(count=100)
        waiting = {image.id for image in images} - {crop.image for crop in others}
        assert "image-16" in waiting
        # Whole parts wait (those of one partition), from the held event on, and only those.
        assert len(waiting) <= 100
        away.clear()
        crops = scope.read_crops(count=160)
    assert_exactly_once(crops, images)


def test_a_flood_of_dead_letters_stops_their_topic_until_a_person_lets_it_go_on(scope: Scope) -> None:
    """The worker ends at its limit; started again and again it adds no letter, and only the bad sender's part waits."""
    dlq = dead_letter_topic(scope.images.TOPIC)
    bad = [scope.image(n, part="bad") for n in range(30)]
    behind = scope.image(100, part="bad")
    good = [scope.image(200 + n, part=f"part-{n}") for n in range(12)]

    def step(batch: Sequence[PartImage]) -> list[Result]:
        wrong = {image.id for image in bad}
        return [
            DeadLetter("wrong") if image.id in wrong else result
            for image, result in zip(batch, scope.echo(batch), strict=True)
        ]

    limited = {"dead_letters_per_minute": 20, "max_events": 8}
    scope.publish([*bad, behind])
    with pytest.raises(DeadLetterFloodError, match="20 dead letters within a minute") as flood:
        scope.worker(step, **limited).run(threading.Event())
    assert f"linegate dlq resume {dlq}" in str(flood.value.hint)
    assert len(scope.read_dead_letters(count=20)) == 20
    scope.publish(good)
    for _ in range(2):
        worker = scope.worker(step, **limited)
        with running(worker):
            # Other partitions flow; the bad one is held, and the worker does not end for it.
            flowing = scope.read_crops(count=6)
            assert worker.health.held <= 1
        assert {crop.part for crop in flowing} <= {image.part for image in good}
    assert len(scope.read_dead_letters(count=20)) == 20
    with running(scope.worker(step, **limited)):
        with EventPublisher(scope.settings) as publisher:
            word = DeadLetterStop(topic=dlq, stopped=False, by="a test", note="the sender is mended")
            publisher.publish(word).result(PATIENCE)
        # A running worker hears of it.
        letters = scope.read_dead_letters(count=30)
        crops = scope.read_crops(count=13)
    assert [letter.offset for letter in letters] == sorted(letter.offset for letter in letters)
    assert [dict(letter.headers)["ce_id"] for letter in letters] == [image.id.encode() for image in bad]
    assert_exactly_once(crops, [behind, *good])


def test_a_result_too_large_for_kafka_is_a_dead_letter(scope: Scope) -> None:
    """An output that Kafka would refuse for ever must not stop the partition."""
    small, large = scope.image(0, part="p"), scope.image(1, part="p")

    def step(batch: Sequence[PartImage]) -> list[Result]:
        swollen = [i.model_copy(update={"pixels": bytes(17_000_000)}) if i.id == "image-1" else i for i in batch]
        return scope.echo(swollen)

    scope.publish([large, small])
    with running(scope.worker(step)):
        (letter,) = scope.read_dead_letters(count=1)
        (crop,) = scope.read_crops(count=1)
    assert b"17.0 MB; a record holds 16.8 MB" in (dict(letter.headers)["lg_reason"] or b"")
    assert crop.image == "image-0"


def test_a_step_slower_than_the_intake_is_waited_for(scope: Scope) -> None:
    """Past the high-water mark partitions are paused and resumed; memory stays within the marks, nothing is lost."""
    images = [scope.image(n, part=f"part-{n % 5}") for n in range(120)]
    waiting: list[int] = []
    release = threading.Event()

    def slow(batch: Sequence[PartImage]) -> list[Result]:
        release.wait(1.2)
        waiting.append(len(worker._intake.batcher))
        return scope.echo(batch)

    scope.publish(images)
    worker = scope.worker(slow, max_events=8, high_water=16, low_water=4)
    with running(worker):
        scope.read_crops(count=16)
        release.set()
        crops = scope.read_crops(count=120)
    assert_exactly_once(crops, images)
    assert max(waiting) == 16, "it was full"


def test_an_empty_answer_is_an_answer(scope: Scope) -> None:
    """`Emit(())` commits the offset and publishes nothing."""
    scope.publish([scope.image(n, part="p") for n in range(4)])
    with running(
        scope.worker(lambda b: [Emit(()) if i.id != "image-3" else r for i, r in zip(b, scope.echo(b), strict=True)])
    ):
        crops = scope.read_crops(count=1)
    assert [crop.image for crop in crops] == ["image-3"]
