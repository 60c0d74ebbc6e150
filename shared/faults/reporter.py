"""Tell faults on Kafka from a thread of its own: the line never waits for it, and a line that stands is still told of.

Only the latest state of each fault is kept. While Kafka is away nothing piles up; what holds then is told when it is
back. What was raised and is over meanwhile is told as cleared.
"""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import structlog
from opentelemetry import metrics

from shared.events import Fault, FaultKind, derived_event_id, now
from shared.faults.report import Report

_log = structlog.get_logger(__name__)
_METER: Final = metrics.get_meter("linegate.faults")
_LIVES: Final = 3
"""A fault that was not repeated for this many intervals counts as over."""
_RETRY_S: Final = 1.0
_LAST_WORD_S: Final = 5.0
"""How long the end of a process may wait for Kafka to take the last word."""
Publish = Callable[[Fault], "Future[Any]"]


@dataclass(slots=True)
class _Known:
    """One fault's latest state."""

    report: Report
    since: datetime
    changed: datetime
    over: bool = False
    told: datetime | None = None
    """When the present state was last told; None while it was not."""


class FaultReporter:
    """Follows which faults are there, and tells each change.

    Args:
        publish: hands an event to Kafka without waiting, e.g. `EventPublisher.publish`.
        worker: the kind of worker, e.g. `score`.
        instance: which of them.
        repeat_s: time between two words about a fault that lasts, in seconds.
        clock: the present.
    """

    def __init__(
        self,
        publish: Publish,
        *,
        worker: str,
        instance: str,
        repeat_s: float,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._publish = publish
        self._worker = worker
        self._instance = instance
        self._repeat = timedelta(seconds=repeat_s)
        self._clock = clock
        self._known: dict[tuple[FaultKind, str], _Known] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fault-reporter", daemon=True)
        self._kafka_answers = True
        self._open = _METER.create_up_down_counter("linegate.faults.open", description="Faults that are there now.")

    def raised(self, report: Report) -> None:
        """The fault is there: told once, and again when its severity changes."""
        with self._lock:
            self._raise(report)

    def cleared(self, kind: FaultKind, subject: str = "") -> None:
        """The fault is not there."""
        with self._lock:
            self._clear((kind, subject))

    def exactly(self, kind: FaultKind, reports: Collection[Report]) -> None:
        """These are all the faults of a kind."""
        with self._lock:
            for identity in [known for known in self._known if known[0] == kind]:
                if identity[1] not in {report.subject for report in reports}:
                    self._clear(identity)
            for report in reports:
                self._raise(report)

    @property
    def open(self) -> list[Report]:
        """The faults that are there."""
        with self._lock:
            return [known.report for known in self._known.values() if not known.over]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._wake.set()
        # Bounded: an answer may be awaited from a Kafka that is away.
        self._thread.join(2 * _LAST_WORD_S)

    def _raise(self, report: Report) -> None:
        identity, at = (report.kind, report.subject), self._clock()
        known = self._known.get(identity)
        if known is None or known.over:
            self._known[identity] = _Known(report, since=at, changed=at)
            self._open.add(1, {"kind": report.kind, "worker": self._worker})
            say = _log.warning if report.severity == "warning" else _log.error
            say("fault raised", kind=report.kind, subject=report.subject, detail=report.detail, hint=report.hint)
        elif known.report.severity != report.severity:
            known.report, known.changed, known.told = report, at, None
        else:
            known.report = report  # a new wording is told with the next repetition
            return
        self._wake.set()

    def _clear(self, identity: tuple[FaultKind, str]) -> None:
        known = self._known.get(identity)
        if known is None or known.over:
            return
        known.over, known.changed, known.told = True, self._clock(), None
        self._open.add(-1, {"kind": known.report.kind, "worker": self._worker})
        _log.info("fault cleared", kind=known.report.kind, subject=known.report.subject)
        self._wake.set()

    def _serve(self) -> None:
        while not self._stop.is_set():
            told_all = self._tell(timeout=None)
            self._wake.wait(self._until_due() if told_all else _RETRY_S)
            self._wake.clear()
        self._tell(timeout=_LAST_WORD_S)

    def _until_due(self) -> float:
        with self._lock:
            told = [known.told for known in self._known.values() if known.told is not None]
        if not told:
            return self._repeat.total_seconds()
        return max(0.0, (min(told) + self._repeat - self._clock()).total_seconds())

    def _tell(self, *, timeout: float | None) -> bool:
        """Tell what is due; whether Kafka took it all."""
        at = self._clock()
        with self._lock:
            due = [known for known in self._known.values() if known.told is None or at >= known.told + self._repeat]
            events = [(known, known.changed, self._event(known, at)) for known in due]
        told_all = True
        for known, changed, future in [(known, changed, self._hand_over(event)) for known, changed, event in events]:
            try:
                future.result(timeout)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next faults must be told all the same
                if self._kafka_answers:
                    _log.warning("faults cannot be told yet", reason=str(error) or type(error).__name__)
                self._kafka_answers = told_all = False
                continue
            self._kafka_answers = True
            with self._lock:
                if known.changed == changed:
                    known.told = at
                    if known.over and self._known.get((known.report.kind, known.report.subject)) is known:
                        del self._known[known.report.kind, known.report.subject]
        return told_all

    def _hand_over(self, event: Fault) -> "Future[Any]":
        try:
            return self._publish(event)
        except Exception as error:  # noqa: BLE001 - a publisher's own fault counts as Kafka's
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed

    def _event(self, known: _Known, at: datetime) -> Fault:
        report, state = known.report, "cleared" if known.over else "raised"
        key = f"{self._worker}/{self._instance}/{report.kind}/{report.subject}"[:512]
        fields = {
            "id": derived_event_id(f"{key}:{known.since.isoformat()}:{report.severity}", state),
            "source": f"/linegate/{self._worker}",
            "time": known.changed if known.over else at,
            "key": key,
            "kind": report.kind,
            "state": state,
            "severity": report.severity,
            "worker": self._worker,
            "instance": self._instance,
            "subject": report.subject[:256],
            **report.where,
            "version": report.version,
            "digest": report.digest,
            "detail": _line(report.detail),
            "hint": None if report.hint is None else _line(report.hint),
            "since": known.since,
            "expires": None if known.over else at + _LIVES * self._repeat,
        }
        return Fault.model_validate(fields)


def _line(text: str) -> str:
    return " ".join(text.split())[:1000]
