"""What an engine is: it takes jobs, and answers what became of each. It knows neither plans nor the registry."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import Field

from shared.events import VersionId
from shared.events.base import Model, Sha256
from shared.registry.records import VersionRecord
from training.order import Made, Means, Order


class Job(Model):
    """One version to be made."""

    order: Order
    data: Path
    reference: Annotated[Literal["learn"] | Sha256 | None, Field(union_mode="left_to_right")] = None
    """What its crops are registered to; a sha256 names an artifact in the store."""
    means: Means
    out: Path
    """Folder on the machine of the plan that takes the files. Nobody else writes there."""

    @property
    def version(self) -> str:
        """Its name."""
        return self.order.version


class Done(Model):
    """It is made."""

    version: VersionId
    record: VersionRecord
    bundle: str | None
    """File in the job's folder; None: it lies in the artifact store only."""
    papers: dict[str, str]
    """Report, card and so on: files in the job's folder, by what they are."""
    warnings: tuple[str, ...] = ()
    seconds: float

    def made(self, folder: Path) -> Made | None:
        """What lies in the job's folder; None where the bundle lies in the store only."""
        if self.bundle is None:
            return None
        papers = {what: folder / name for what, name in self.papers.items()}
        return Made(record=self.record, bundle=folder / self.bundle, papers=papers, warnings=self.warnings)


class Failed(Model):
    """It cannot be made."""

    version: VersionId
    reason: str
    hint: str | None = None
    seconds: float = 0.0


Outcome: TypeAlias = Done | Failed


class Progressed(Model):
    """How far a job is."""

    version: VersionId
    stage: str
    done: int = 0
    total: int | None = None


Report: TypeAlias = Callable[[Progressed], None]


class Engine(Protocol):
    """Makes versions, some at a time."""

    def run(self, jobs: Sequence[Job], report: Report) -> Generator[Outcome, None, None]:
        """Do the jobs; one outcome each, in the order in which they end.

        Whatever was started is ended when the generator is closed or raises, Ctrl-C among it. What fails is an outcome;
        it never keeps the others from being made.

        Args:
            jobs: of different names.
            report: called in the caller's thread, now and then, for jobs that are under way.

        Raises:
            LinegateError: the engine itself cannot work.
        """
        ...
