"""From records to outcomes: decode, step, encode; without Kafka."""

from collections.abc import Sequence

import pytest

from shared.bus.envelope import encode
from shared.bus.partitions import Taken
from shared.bus.processing import BrokenStepError, Processed, Processor, Publish, Wait
from shared.bus.record import Record
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.events import PartImage, now

CAPTURED = now()


def image(number: int) -> PartImage:
    """A photo."""
    return PartImage(
        id=f"image-{number}", part=f"part-{number}", plant="munich", line="line-1", captured=CAPTURED,
        pixels=b"x", mediatype="image/png",
    )  # fmt: skip


def taken(event: PartImage, offset: int, *, value: bytes | None = None) -> Taken:
    """The photo as it was consumed."""
    sent = encode(event)
    value = sent.value if value is None else value
    return Taken(Record(sent.topic, 0, offset, 0, sent.key, value, sent.headers), 1, 0.0)


def bad(offset: int) -> Taken:
    """A record that is no event."""
    return Taken(Record("linegate.images", 0, offset, 0, b"k", b"v", ()), 1, 0.0)


def process(step: object, batch: Sequence[Taken]) -> Processed:
    """Through a processor."""
    return Processor(step, [PartImage], worker="w", group="g")(batch)  # type: ignore[arg-type] # some steps are wrong


def test_each_record_gets_its_own_outcome_in_its_place() -> None:
    """A rejected record between good ones shifts nothing."""

    def step(batch: Sequence[PartImage]) -> list[Result]:
        assert [event.id for event in batch] == ["image-1", "image-2", "image-3"]
        return [Emit((batch[0],)), Retry("away"), DeadLetter("blurred")]

    done = process(step, [taken(image(1), 0), bad(1), taken(image(2), 2), taken(image(3), 3)])
    emitted, rejected, waiting, dead = done.outcomes
    assert isinstance(emitted, Publish)
    assert [record.key for record in emitted.records] == [b"part-1"]
    assert isinstance(rejected, Publish)
    assert rejected.dead
    assert waiting == Wait("away")
    assert isinstance(dead, Publish)
    assert dict(dead.records[0].headers)["lg_reason"] == b"blurred"
    assert done.error is None


def test_a_batch_without_a_good_record_does_not_reach_the_step() -> None:
    """The step is not called with nothing."""

    def step(_: Sequence[PartImage]) -> list[Result]:
        raise AssertionError("called")

    done = process(step, [bad(0), bad(1)])
    assert done.error is None
    assert [isinstance(outcome, Publish) and outcome.dead for outcome in done.outcomes] == [True, True]


@pytest.mark.parametrize(
    "step",
    [lambda _: [], lambda batch: [Emit(())] * (len(batch) + 1), lambda _: ["done"]],
    ids=["few", "many", "strange"],
)
def test_a_broken_contract_is_an_error_of_the_batch(step: object) -> None:
    """Nothing of it may be published."""
    done = process(step, [taken(image(1), 0)])
    assert isinstance(done.error, BrokenStepError)
    assert done.outcomes == ()


def test_what_a_step_raises_is_kept_for_the_loop() -> None:
    """The compute thread never dies of it."""

    def step(_: Sequence[PartImage]) -> list[Result]:
        raise OSError("device gone")

    assert str(process(step, [taken(image(1), 0)]).error) == "device gone"


def test_the_step_sees_a_trace_and_the_same_one_again_on_a_replay() -> None:
    """An event that came without a trace context gets one from its id."""
    seen: list[str | None] = []

    def step(batch: Sequence[PartImage]) -> list[Result]:
        seen.extend(event.traceparent for event in batch)
        return [Emit(()) for _ in batch]

    for _ in range(2):
        process(step, [taken(image(1), 0), taken(image(2), 1)])
    assert None not in seen
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_the_step_knows_where_each_event_lies_and_the_wire_does_not() -> None:
    """For references to a photo's record; two readings of one event are equal."""
    seen: list[PartImage] = []

    def step(batch: Sequence[PartImage]) -> list[Result]:
        seen.extend(batch)
        return [Emit((event,)) for event in batch]

    sent = image(1)
    done = process(step, [taken(sent, 7), taken(sent, 8)])
    assert [event.lies_at for event in seen] == ["0@7", "0@8"]
    assert seen[0] == seen[1]
    assert hash(seen[0]) == hash(seen[1])
    published = [outcome for outcome in done.outcomes if isinstance(outcome, Publish)]
    assert all(b"0@7" not in (data or b"") for outcome in published for _, data in outcome.records[0].headers)
