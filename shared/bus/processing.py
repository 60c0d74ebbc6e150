"""From taken records to what becomes of each: decode, call the step, encode. Runs in the compute thread; no Kafka."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.bus.dead_letter import dead_letter
from shared.bus.envelope import EnvelopeRejected, decode, encode
from shared.bus.partitions import Taken
from shared.bus.record import OutgoingRecord, Record
from shared.bus.step import DeadLetter, Emit, Result, Retry, Step
from shared.bus.topics import MAX_RECORD_BYTES
from shared.bus.tracing import continue_trace, process_span, with_trace
from shared.events import Event

RECORD_OVERHEAD: Final = 1024
"""Bytes of Kafka's own framing around one record, generously."""


@dataclass(frozen=True, slots=True)
class Publish:
    """This record is done: publish these."""

    records: tuple[OutgoingRecord, ...]
    dead: bool = False
    """Whether that is a dead letter."""


@dataclass(frozen=True, slots=True)
class Wait:
    """This record has to wait."""

    reason: str


Outcome = Publish | Wait


@dataclass(frozen=True, slots=True)
class Processed:
    """A batch that the step is done with."""

    batch: tuple[Taken, ...]
    outcomes: tuple[Outcome, ...]
    """One per record, in order; empty when the step failed."""
    error: Exception | None
    """What the step raised."""
    seconds: float


class BrokenStepError(RuntimeError):
    """The step broke its contract."""


class Processor:
    """Turns a batch of records into one outcome each.

    Args:
        step: the worker's step.
        types: the event types it takes.
        worker: name written into dead letters.
        group: consumer group, for spans.
    """

    def __init__(self, step: Step[Any], types: Sequence[type[Event]], *, worker: str, group: str) -> None:
        self._step = step
        self._types = tuple(types)
        self._worker = worker
        self._group = group

    def __call__(self, batch: Sequence[Taken]) -> Processed:
        """Process `batch`; never raises for what the step does."""
        started = time.monotonic()
        try:
            outcomes = tuple(self._outcomes([taken.record for taken in batch]))
            error = None
        except Exception as raised:  # noqa: BLE001 - whatever a step raises, the loop answers it alike
            outcomes, error = (), raised
        return Processed(tuple(batch), outcomes, error, time.monotonic() - started)

    def _outcomes(self, records: list[Record]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(records)
        events: list[Event] = []
        places: list[int] = []
        for index, record in enumerate(records):
            try:
                events.append(with_trace(decode(record, self._types)).lying_at(record.partition, record.offset))
                places.append(index)
            except EnvelopeRejected as rejected:
                outcomes[index] = self._dead(record, rejected.reason)
        if events:
            with process_span(records[places[0]].topic, self._group, events) as span:
                results = self._step(events)
                if len(results) != len(events):
                    raise BrokenStepError(f"the step answered {len(results)} results for {len(events)} events")
                for index, event, result in zip(places, events, results, strict=True):
                    caused = result.events if isinstance(result, Emit) else ()
                    emitted = tuple(continue_trace(outgoing, event, span) for outgoing in caused)
                    outcomes[index] = self._outcome(records[index], result, emitted)
        return [outcome for outcome in outcomes if outcome is not None]

    def _outcome(self, record: Record, result: Result, emitted: tuple[Event, ...]) -> Outcome:
        match result:
            case Emit():
                encoded = tuple(encode(event) for event in emitted)
                for event, outgoing in zip(emitted, encoded, strict=True):
                    if outgoing.size + RECORD_OVERHEAD > MAX_RECORD_BYTES:
                        # Kafka would refuse it for ever, and with it everything behind it.
                        size = f"{outgoing.size / 1e6:.1f} MB; a record holds {MAX_RECORD_BYTES / 1e6:.1f} MB"
                        return self._dead(record, f"the resulting {event.TYPE} is {size}: send smaller pictures")
                return Publish(encoded)
            case DeadLetter(reason):
                return self._dead(record, reason)
            case Retry(reason):
                return Wait(reason)
        raise BrokenStepError(f"the step answered {type(result).__name__}, not Emit, DeadLetter or Retry")

    def _dead(self, record: Record, reason: str) -> Publish:
        return Publish((dead_letter(record, reason, worker=self._worker),), dead=True)
