"""The conformance suite passes a right step, and catches each way to be wrong."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.bus.step import DeadLetter, Emit, Result
from shared.events import Check, Event, PartCrop, PartImage, Timings, derived_event_id, new_event_id, now
from tests.unit.conformance import StepConformance

CAPTURED = now()


def image(number: int) -> PartImage:
    """A photo."""
    return PartImage(
        id=f"image-{number}", part=f"part-{number}", plant="munich", line="line-1", captured=CAPTURED,
        pixels=bytes([number]), mediatype="image/png",
    )  # fmt: skip


def echo_one(event: PartImage) -> Result:
    """The crop of an image is the image; `part-9` has none."""
    if event.part == "part-9":
        return DeadLetter("no label in sight")
    crop = PartCrop(
        id=derived_event_id(event.id, "crop"), part=event.part, plant=event.plant, line=event.line,
        captured=event.captured, image=event.id, presence=Check(name="presence", result="skipped"),
        policy="full_frame", timings=Timings(), pixels=event.pixels, mediatype=event.mediatype,
    )  # fmt: skip
    return Emit((crop,))


def echo(batch: Sequence[PartImage]) -> list[Result]:
    """The trivial step."""
    return [echo_one(event) for event in batch]


class TestEcho(StepConformance):
    """The suite on the trivial step."""

    @pytest.fixture
    def step(self) -> Any:
        """The trivial step."""
        return echo

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """Three photos."""
        return [image(1), image(2), image(3)]

    @pytest.fixture
    def bad_event(self) -> Event:
        """A photo without a label."""
        return image(9)


def _random_ids(batch: Sequence[PartImage]) -> list[Result]:
    return [
        Emit(tuple(e.model_copy(update={"id": new_event_id()}) for e in r.events)) if isinstance(r, Emit) else r
        for r in echo(batch)
    ]


def _drops_after_bad(batch: Sequence[PartImage]) -> list[Result]:
    results = echo(batch)
    bad = next((i for i, result in enumerate(results) if isinstance(result, DeadLetter)), len(results))
    return results[: bad + 1] + [Emit(())] * (len(results) - bad - 1)


def _mutates(batch: Any) -> list[Result]:
    results = echo(batch)
    if batch:
        batch[0] = image(4)
    return results


def _sorted(batch: Sequence[PartImage]) -> list[Result]:
    return sorted(echo(batch), key=str)


def _same_id(batch: Sequence[PartImage]) -> list[Result]:
    return [echo_one(image(1)) for _ in batch]


def _needs_company(batch: Sequence[PartImage]) -> list[Result]:
    return echo(batch) if len(batch) > 1 else [Emit(()) for _ in batch]


SUITE = StepConformance()
WRONG: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None]]] = {
    "too few": (lambda batch: echo(batch)[1:], SUITE.test_one_result_per_event),
    "invents": (lambda batch: [*echo(batch), Emit(())], lambda step, _: SUITE.test_nothing_in_nothing_out(step)),
    "sorted": (_sorted, SUITE.test_results_are_in_the_order_of_the_events),
    "random ids": (_random_ids, SUITE.test_a_replay_makes_the_same_events),
    "drops": (_drops_after_bad, lambda step, events: SUITE.test_a_bad_event_harms_no_other(step, events, image(9))),
    "mutates": (_mutates, SUITE.test_the_batch_is_left_as_it_was),
    "same id": (_same_id, SUITE.test_emitted_ids_are_unique),
    "needs company": (_needs_company, SUITE.test_no_event_depends_on_its_company),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_suite_catches(fault: str) -> None:
    """Each broken step fails the test that is there for it."""
    step, test = WRONG[fault]
    with pytest.raises(AssertionError):
        test(step, [image(3), image(1), image(2)])
