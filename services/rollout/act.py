"""What follows from a breach: roll back, pause or only tell; each trial and measure once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Final

import structlog

from services.rollout.breach import MOST_NOTE, SEVERITY, Action, breach_event, breach_id, line, report
from services.rollout.metrics import JudgeMetrics
from shared.events import Event, RolloutBreach
from shared.faults import FaultSink
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.errors import RegistryError, RegistryUnavailable, RevisionConflict, TransitionRejected
from shared.registry.records import Assignment
from shared.trials.measures.measure import Measure, MeasureName
from shared.trials.trial import JUDGE, Standing, Trial

Publish = Callable[[Event], "Future[Any]"]
_SETTLE_ENTRIES: Final = 100
MEASURES: Final[tuple[MeasureName, ...]] = ("reject_rise", "disagreement", "psi", "ks", "latency_ratio")
_log = structlog.get_logger(__name__)


class Acting:
    """Acts on breaches. One thread.

    The registry's compare-and-swap decides between several judges, and between a judge and a person: whoever comes
    second is refused and looks again.

    Args:
        registry: where trials are ended and paused.
        publish: hands an event to Kafka without waiting.
        faults: told of trials that are beyond their limits and still there.
        told: id -> line of the breaches that were told before this process began.
    """

    def __init__(
        self, registry: Registry, publish: Publish, *, faults: FaultSink, told: dict[str, str] | None = None
    ) -> None:
        self._registry = registry
        self._publish = publish
        self._faults = faults
        self._told = {} if told is None else told
        self._metrics = JudgeMetrics()
        self._acted: dict[Trial, int] = {}
        """The revision that we changed: a snapshot that still shows it is older than what we did."""
        self._unsure: dict[Trial, tuple[str, list[RolloutBreach]]] = {}
        """Trials whose end was ordered, but Redis went away before it answered; the note, and what to tell."""
        self._under_way: list[tuple[RolloutBreach, Future[Any]]] = []
        self._hurdle: str | None = None

    def on(self, standing: Standing, measures: Iterable[Measure]) -> None:
        """Act on the breaches among `measures`."""
        trial = standing.trial
        if self._acted.get(trial) == standing.revision:
            return
        action: Action = "alert" if trial.arm == "shadow" else standing.guard.action
        fresh = [measure for measure in measures if measure.breach and not self._known(trial, measure, at_least=action)]
        if fresh:
            events = [breach_event(standing, measure, action) for measure in fresh]
            if self._done(standing, action, line(standing, fresh)[:MOST_NOTE], events):
                self._tell(events)

    def end_look(self, standing: Sequence[Standing]) -> None:
        """All trials were looked at: raise and clear faults, repeat what Kafka did not take."""
        present = {one.trial for one in standing}
        self._acted = {trial: revision for trial, revision in self._acted.items() if trial in present}
        self._settle(present)
        reports = [
            report(one, lines[-1])
            for one in standing
            if self._acted.get(one.trial) != one.revision and (lines := self._lines(one.trial))
        ]
        self._faults.exactly("rollout_breach", reports)
        self._repeat()

    def _known(self, trial: Trial, measure: Measure, *, at_least: Action) -> bool:
        """Whether this was acted upon, as strictly as now. After a pause `resume` begins another trial."""
        strict = [action for action in SEVERITY if SEVERITY[action] >= SEVERITY[at_least]]
        return any(breach_id(trial, measure.name, action) in self._told for action in strict)

    def _lines(self, trial: Trial) -> list[str]:
        ids = [breach_id(trial, name, action) for name in MEASURES for action in SEVERITY]
        return [self._told[one] for one in ids if one in self._told]

    def _done(self, standing: Standing, action: Action, note: str, events: list[RolloutBreach]) -> bool:
        """Take the action; whether it was taken, by us."""
        trial = standing.trial
        try:
            match action:
                case "rollback":
                    self._advance(standing, lambda held: lifecycle.rollback(held, "canary"), "rollback", note)
                case "pause" if not standing.paused:
                    self._advance(standing, lifecycle.pause, "pause", note)
                case _:
                    pass
        except (RevisionConflict, TransitionRejected) as faster:
            _log.info("somebody was faster; looking again", key=trial.key, version=trial.version, reason=str(faster))
            return False
        except RegistryError as away:
            if isinstance(away, RegistryUnavailable):
                self._unsure[trial] = (note, events)
            self._cannot(trial, away)
            return False
        self._unsure.pop(trial, None)
        self._hurdle = None
        _log.warning("trial beyond its limits", key=trial.key, version=trial.version, action=action, detail=note)
        return True

    def _advance(
        self, standing: Standing, step: Callable[[Assignment | None], Assignment], action: str, note: str
    ) -> None:
        self._registry.advance(
            standing.trial.place,
            step,
            action=action,
            author=JUDGE,
            note=note,
            expected=standing.revision,
        )
        self._acted[standing.trial] = standing.revision

    def _cannot(self, trial: Trial, error: RegistryError) -> None:
        if str(error) != self._hurdle:
            self._hurdle = str(error)
            say = _log.warning if isinstance(error, RegistryUnavailable) else _log.error
            say(
                "cannot act on a breach yet", key=trial.key, version=trial.version, reason=self._hurdle, hint=error.hint
            )

    def _settle(self, standing: set[Trial]) -> None:
        """A change whose answer was cut off may have been made all the same: the audit knows."""
        for trial in self._unsure.keys() - standing:
            note, events = self._unsure[trial]
            try:
                entries = self._registry.history(_SETTLE_ENTRIES)
            except RegistryError:
                return
            if any((entry.key, entry.author, entry.note) == (trial.key, JUDGE, note) for entry in entries):
                self._tell(events)
            del self._unsure[trial]

    def _tell(self, events: list[RolloutBreach]) -> None:
        for event in events:
            self._told[event.id] = event.detail
            self._metrics.breached(event)
            self._under_way.append((event, self._publish(event)))

    def _repeat(self) -> None:
        failed = [event for event, future in self._under_way if future.done() and future.exception() is not None]
        self._under_way = [entry for entry in self._under_way if not entry[1].done()]
        self._under_way += [(event, self._publish(event)) for event in failed]
