"""Ten thousand malformed records: each is an event, or refused with a reason; nothing else ever."""

from collections.abc import Iterator

import pytest

from shared.bus.record import Record
from shared.events import EVENT_TYPES, Event
from tests.fuzz import records
from tests.fuzz.isolation import run
from tests.unit.shared.events.strategies import BY_TYPE

COUNT = 10_000
CPU_S = 2.0


@pytest.mark.timeout(1200)  # a machine under load must not fail it; each event has a limit of its own
def test_malformed_records_are_decoded_or_refused() -> None:
    """No other exception, no crash, no warning, bounded memory and time; what is refused can be sent again."""
    report = run("tests.fuzz.records", range(COUNT), memory_mib=records.MEMORY_MIB, cpu_s=CPU_S)
    assert report.faults == {}
    assert sum(report.outcomes.values()) == COUNT
    assert report.outcomes["accepted"] > COUNT // 20
    assert report.outcomes["rejected"] > COUNT // 2
    assert {event_type.TYPE for event_type in EVENT_TYPES} <= report.reasons.keys(), "a type that is never accepted"
    assert len(report.reasons) > 200


def _concrete(event_type: type[Event]) -> Iterator[type[Event]]:
    for kind in event_type.__subclasses__():
        if hasattr(kind, "TYPE") and kind.__module__.startswith("shared."):
            yield kind
        yield from _concrete(kind)


def test_no_event_type_is_forgotten() -> None:
    """Every type that is written down is in the contract, and has a strategy: so it is fuzzed and round-tripped."""
    assert set(_concrete(Event)) == set(EVENT_TYPES) == set(BY_TYPE)


def test_a_seed_is_accepted_as_it_is() -> None:
    """A refusal is due to the mutation."""
    assert len(records.seeds()) >= len(EVENT_TYPES)
    for sent in records.seeds():
        outcome = records.check(Record(sent.topic, 0, 0, 0, sent.key, sent.value, sent.headers))
        assert outcome.startswith("accepted")
