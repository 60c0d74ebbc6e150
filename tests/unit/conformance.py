"""What every step must do: one suite, run on each of them.

    class TestCropStep(StepConformance):
        @pytest.fixture
        def step(self): ...            # the step under test
        @pytest.fixture
        def events(self): ...          # at least three events that it can process, all with different ids
        @pytest.fixture
        def bad_event(self): ...       # an event it answers with DeadLetter, or None where there is no such event

A step may use parts outside (a model, a store); give it real ones that are up.
"""

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from shared.bus.envelope import decode, encode
from shared.bus.record import Record
from shared.bus.step import DeadLetter, Emit, Result, Retry, Step
from shared.events import EVENT_TYPES, Event

VARYING = frozenset({"time", "traceparent", "timings"})
"""Fields that say when and how something was done; they may differ when it is done again."""


def essence(result: Result) -> Any:
    """A result without what may differ between two runs."""
    if isinstance(result, Emit):
        return [(type(event), event.model_dump(exclude=set(VARYING)), _pixels(event)) for event in result.events]
    return result


def _pixels(event: Event) -> bytes | None:
    return getattr(event, "pixels", None)


class StepConformance:
    """Derive from this, and give the three fixtures."""

    @pytest.fixture
    def step(self) -> Step[Any]:
        """The step under test."""
        raise NotImplementedError("give the step under test as fixture `step`")

    @pytest.fixture
    def events(self) -> Sequence[Event]:
        """Events that it can process."""
        raise NotImplementedError("give three or more good events as fixture `events`")

    @pytest.fixture
    def bad_event(self) -> Event | None:
        """An event that it answers with DeadLetter; None where there is none."""
        raise NotImplementedError("give an event that is a dead letter as fixture `bad_event`, or None")

    def test_nothing_in_nothing_out(self, step: Step[Any]) -> None:
        """An empty batch has an empty answer."""
        assert list(step([])) == []

    def test_one_result_per_event(self, step: Step[Any], events: Sequence[Event]) -> None:
        """As many results as events, each of a known kind, and only events of the wire contract."""
        assert len(events) >= 3, "the suite needs three events"
        results = step(events)
        assert len(results) == len(events)
        for result in results:
            assert isinstance(result, Emit | DeadLetter | Retry)
            if isinstance(result, Emit):
                assert isinstance(result.events, tuple)
                assert all(isinstance(event, EVENT_TYPES) for event in result.events)
            else:
                assert result.reason.strip()
                assert "\n" not in result.reason

    def test_the_fixture_events_are_good(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Otherwise the other tests would test nothing."""
        assert all(isinstance(result, Emit) for result in step(events))

    def test_results_are_in_the_order_of_the_events(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Turning the batch round turns the answer round."""
        forward = [essence(result) for result in step(events)]
        backward = [essence(result) for result in step(list(reversed(events)))]
        assert backward == list(reversed(forward))

    def test_no_event_depends_on_its_company(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Alone or in a batch: the same result."""
        together = [essence(result) for result in step(events)]
        alone = [essence(result) for event in events for result in step([event])]
        assert alone == together

    def test_a_bad_event_harms_no_other(
        self, step: Step[Any], events: Sequence[Event], bad_event: Event | None
    ) -> None:
        """It is answered with a dead letter in its place; its neighbours get what they get without it."""
        if bad_event is None:
            return
        results = step([events[0], bad_event, *events[1:]])
        assert isinstance(results[1], DeadLetter)
        others = [essence(results[0]), *(essence(result) for result in results[2:])]
        assert others == [essence(result) for result in step(events)]

    def test_a_replay_makes_the_same_events(self, step: Step[Any], events: Sequence[Event]) -> None:
        """The same input leads to the same events with the same ids: what makes a replay harmless."""
        assert [essence(result) for result in step(events)] == [essence(result) for result in step(events)]

    def test_emitted_ids_are_unique(self, step: Step[Any], events: Sequence[Event]) -> None:
        """No two emitted events share an id."""
        ids = [event.id for result in step(events) if isinstance(result, Emit) for event in result.events]
        assert len(set(ids)) == len(ids)

    def test_the_batch_is_left_as_it_was(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Neither the list nor its events are changed."""
        batch = list(events)
        before = copy.deepcopy(batch)
        step(batch)
        assert batch == before

    def test_what_it_emits_can_travel(self, step: Step[Any], events: Sequence[Event]) -> None:
        """Each emitted event survives the wire."""
        emitted = [event for result in step(events) if isinstance(result, Emit) for event in result.events]
        for event in emitted:
            sent = encode(event)
            assert decode(Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers), [type(event)]) == event
