"""One attempt at one job: from the claim to its result.

The order keeps versions whole: fit in a process, store, sign, register, answer, take the job off the board. Wherever it
breaks off, the next attempt finds what is done: an answer, or a registered version, or crops in the cache.
"""

import contextlib
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.bus.errors import BusError
from shared.errors import LinegateError
from shared.events import TrainingProgress, TrainingResult, now
from shared.faults import FaultSink
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, VersionExists
from shared.registry.records import VersionRecord
from shared.settings import Settings
from training.order import Made
from training.publish import publish_version, settle_station
from training.worker.accept import version_of
from training.worker.board import BoardUnavailable, Claim, JobBoard, LeaseLost
from training.worker.desk import ResultDesk
from training.worker.ends import AttemptFailed, Refusal, Stopping
from training.worker.heart import Heart, JobCancelled
from training.worker.making import fit_task, fitted, reference_for
from training.worker.patience import Patience
from training.worker.result import cancelled_result, done_result, failed_result
from training.worker.telling import Telling

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker has at hand for every job."""

    settings: Settings
    board: JobBoard
    desk: ResultDesk
    publish: Callable[[TrainingProgress], object]
    """Hands progress to Kafka, without waiting."""
    faults: FaultSink
    worker: str
    """Its name."""


class Attempt:
    """Does one job as far as it goes.

    Args:
        bench: of the worker.
        claim: the job.
        stop: set when the worker is to end.
    """

    def __init__(self, bench: Bench, claim: Claim, stop: threading.Event) -> None:
        self._bench = bench
        self._claim = claim
        self._request = claim.request
        self._stop = stop
        self._begun = now()
        self._most = bench.settings.training.max_attempts
        self._heart = Heart(bench.board, claim, bench.settings.training.lease_s)
        self._patiently = Patience(self._heart, stop, bench.faults)
        self._telling = Telling(claim, bench.worker, bench.publish)
        job = hashlib.sha256(claim.job.encode()).hexdigest()[:16]
        self._folder = bench.settings.training.work_dir / job / str(claim.facts.token)

    def run(self) -> None:
        """Work until the job is answered, waits again, or is another's.

        Raises:
            BusError: Kafka does not take the answer. The job waits again.
        """
        with self._heart:
            try:
                self._answer(self._outcome())
            except LeaseLost as lost:
                log.warning("%s: nothing of it is published", lost)
            except Stopping as stopping:
                self._put_back(stopping, counted=False)
            except BusError as error:
                self._put_back(error, counted=False)
                raise
            except Exception as error:
                # Who was overtaken meets all kinds of errors: its files are gone, for one.
                if self._put_back(error, counted=True) and not isinstance(error, LinegateError):
                    log.exception("job %s met a bug of Linegate", self._claim.job)
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)
                with contextlib.suppress(OSError):
                    self._folder.parent.rmdir()  # unless another worker is at the job by now

    def _outcome(self) -> TrainingResult:
        facts, request = self._claim.facts, self._request
        if facts.attempts > 1 or facts.reason:
            given = self._bench.desk.given(request.job, request.time)
            if given is not None:
                return given
        try:
            return self._version()
        except JobCancelled:
            return cancelled_result(request.job, request.place, attempts=facts.attempts, started=self._begun)
        except Refusal as why:
            return failed_result(request, str(why), why.hint, attempts=facts.attempts, started=self._begun)
        except AttemptFailed as why:
            if facts.attempts < self._most:
                raise
            return self._given_up(str(why))

    def _version(self) -> TrainingResult:
        """Have a version registered, by this attempt or an earlier one, and its place set."""
        self._heart.look()
        self._telling.begun()
        record = self._patiently(self._registered)
        warnings: Sequence[str] = ()
        if record is None:
            if self._claim.facts.attempts > self._most:
                return self._given_up(self._claim.facts.reason)
            made = self._made()
            # Whoever stood still for a while is told here, before the store is troubled.
            self._patiently(self._heart.check)
            self._telling.stage("publish")
            record = self._patiently(lambda: self._published(made))
            warnings = made.warnings
        elif record.calibration is not None:
            warnings = record.calibration.warnings
        held = record
        settled = self._patiently(lambda: self._settled(held), even_cancelled=True)
        return done_result(
            self._request,
            held,
            warnings=(*warnings, *settled),
            attempts=self._claim.facts.attempts,
            started=self._begun,
        )

    def _registered(self) -> VersionRecord | None:
        """The version that an earlier attempt registered."""
        name = version_of(self._request)
        with Registry(self._bench.settings.redis) as registry:
            versions = registry.versions()
        if mine := next((record for record in versions if record.job == self._claim.job), None):
            return mine
        if any(record.version == name for record in versions):
            raise Refusal(f"version {name} is registered already", hint="choose another --version")
        return None

    def _made(self) -> Made:
        settings = self._bench.settings
        reference = self._patiently(lambda: reference_for(self._request, settings))
        task = fit_task(self._request, reference, self._folder, settings)
        printed = self._folder / "printed.log"
        return fitted(task, printed, heart=self._heart, telling=self._telling, stop=self._stop)

    def _given_up(self, reason: str) -> TrainingResult:
        told = f"given up after {self._most} attempt(s); the last one: {reason}"
        return failed_result(self._request, told, None, attempts=self._most, started=self._begun)

    def _published(self, made: Made) -> VersionRecord:
        settings = self._bench.settings
        try:
            return publish_version(made, settings, before_register=self._heart.check)
        except VersionExists as error:
            with Registry(settings.redis) as registry:
                held = registry.version(made.record.version)
            # A worker that lost this very job registered at the last moment: then that is the version.
            if held is not None and held.job == self._claim.job:
                return held
            raise Refusal(str(error), hint=error.hint) from error

    def _settled(self, record: VersionRecord) -> list[str]:
        while True:
            try:
                return settle_station(record, author=self._request.author, settings=self._bench.settings)
            except RevisionConflict:
                continue

    def _answer(self, result: TrainingResult) -> None:
        """Publish the result, unless there is one; what stands goes to the board. A cancellation comes too late now."""
        desk, since = self._bench.desk, self._request.time

        def check() -> None:
            self._heart.check(even_cancelled=True)

        stands = self._patiently(lambda: desk.give(result, since, check=check), even_cancelled=True)
        self._patiently(lambda: self._bench.board.finish(self._claim, stands.state), even_cancelled=True)
        log.info("job %s is %s%s", result.job, stands.state, f": {stands.reason}" if stands.reason else "")

    def _put_back(self, why: Exception, *, counted: bool) -> bool:
        """Let the job wait again; answers whether it was ours to put back."""
        reason = str(why) if isinstance(why, LinegateError) else f"{type(why).__name__}: {why}"
        reason = " ".join(reason.split())
        try:
            self._bench.board.put_back(self._claim, counted=counted, reason=reason)
        except LeaseLost as lost:
            log.warning("%s: nothing of it is published", lost)
            return False
        except BoardUnavailable as away:
            log.warning("job %s could not be put back (%s); its lease runs out", self._claim.job, away)
            return True
        self._telling.waits(counted=counted)
        log.warning("job %s waits again: %s", self._claim.job, reason)
        return True
