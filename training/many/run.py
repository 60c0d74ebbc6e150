"""Work a plan through: leave what is finished, have the rest made, register what is wanted."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

from shared.errors import LinegateError
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable
from shared.settings import Settings
from shared.store import ArtifactStore
from training.many.engine import Done, Engine, Failed, Job, Outcome, Report
from training.many.kept import Kept
from training.many.rows import Row
from training.many.survey import Planned
from training.many.workshop import Workshop
from training.publish import make_known, settle_station, store_version


class Run:
    """One run of a plan.

    Args:
        planned: with their photos counted.
        workshop: locked.
        settings: of the store and the registry.
        register: whether versions are made known as candidates.
    """

    def __init__(self, planned: Sequence[Planned], workshop: Workshop, settings: Settings, *, register: bool) -> None:
        self._workshop: Final = workshop
        self._settings: Final = settings
        self._register: Final = register
        self.rows: Final = [
            Row(one, "skipped", why=one.skipped) if one.skipped else Row(one, "not begun") for one in planned
        ]
        """What became of each version so far."""

    def jobs(self, told: Callable[[Row], None]) -> list[Job]:
        """What is to be made: all that is neither skipped nor finished nor hopeless.

        Args:
            told: called for each version that needs no engine.

        Raises:
            RegistryUnavailable: Redis does not answer, and is asked for.
        """
        jobs = []
        for row in self.rows:
            if row.status == "skipped":
                told(row)
                continue
            try:
                job = self._workshop.job(row.planned)
                kept = self._workshop.finished(row.planned, job)
                self._not_taken(row.version, kept)
                if kept is None:
                    jobs.append(job)
                    continue
                self._is_there(row, kept, "finished before")
            except RegistryUnavailable:
                raise
            except LinegateError as error:
                row.status, row.why = "failed", error.line
            told(row)
        return jobs

    def make(self, engine: Engine, jobs: Sequence[Job], report: Report, told: Callable[[Row], None]) -> None:
        """Have the jobs done.

        Args:
            engine: that does them.
            jobs: by `jobs`.
            report: see `Engine.run`.
            told: called for each version when it is clear what became of it.

        Raises:
            LinegateError: the engine itself cannot work.
        """
        rows = {row.version: row for row in self.rows}
        of = {job.version: job for job in jobs}
        with closing(engine.run(jobs, report)) as outcomes:
            for outcome in outcomes:
                self._settle(rows[outcome.version], of[outcome.version], outcome)
                told(rows[outcome.version])

    def _settle(self, row: Row, job: Job, outcome: Outcome) -> None:
        row.seconds = outcome.seconds
        if isinstance(outcome, Failed):
            row.status = "failed"
            row.why = outcome.reason if outcome.hint is None else f"{outcome.reason}; {outcome.hint}"
            if (log := self._workshop.keep_log(job)) is not None:
                row.why += f"; see {log}"
            return
        try:
            kept = self._workshop.finish(row.planned, job, outcome)
        except (OSError, LinegateError) as error:
            row.status, row.why = "failed", f"was made, but cannot be kept: {error}"
            return
        self._is_there(row, kept, "made")

    def _is_there(self, row: Row, kept: Kept, status: str) -> None:
        row.status = "made" if status == "made" else "finished before"
        row.record, row.seconds, row.warnings = kept.record, kept.seconds, kept.warnings
        row.folder, row.report = self._workshop.out / row.version, kept.papers.get("report")
        if not self._register:
            return
        try:
            row.warnings = (*row.warnings, *self._made_known(row, kept))
            row.registered = True
        except LinegateError as error:
            row.status, row.why = "failed", f"it is made, but not registered: {error.line}"

    def _made_known(self, row: Row, kept: Kept) -> list[str]:
        """As the training service does it: a candidate, and nothing more."""
        done = Done(
            version=kept.record.version,
            record=kept.record,
            bundle=kept.bundle,
            papers=kept.papers,
            seconds=kept.seconds,
        )
        if row.folder is not None and (made := done.made(row.folder)) is not None:
            store_version(made, ArtifactStore(self._settings.store))
        held = make_known(kept.record, self._settings)
        return settle_station(held, author=held.author, settings=self._settings)

    def _not_taken(self, version: str, kept: Kept | None) -> None:
        """A name that verdicts refer to is never used twice: better told before the minutes of work.

        Raises:
            NameTaken: another bundle has it.
        """
        if not self._register:
            return
        with Registry(self._settings.redis) as registry:
            held = registry.version(version)
        if held is not None and (kept is None or kept.record.digest != held.digest):
            raise NameTaken(
                f"{version} is registered already, for another bundle ({held.digest[:12]})", hint="choose a new name"
            )


class NameTaken(LinegateError):
    """The registry has another version of that name."""
