"""What a component says about a fault, and to whom. Components know this and neither Kafka nor events' ids."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.events import FaultKind, Severity


@dataclass(frozen=True, slots=True)
class Report:
    """A fault as it looks now.

    Attributes:
        kind: what is amiss.
        severity: how bad it is.
        detail: one line.
        subject: which of several faults of the kind; part of its identity.
        hint: what to do, one line.
        where: the fields of a place that it concerns, e.g. `{"plant": "munich"}`; empty for everywhere.
        version: the model version it is about.
        digest: its bundle.
    """

    kind: FaultKind
    severity: Severity
    detail: str
    subject: str = ""
    hint: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    digest: str | None = None


class FaultSink(Protocol):
    """Takes faults. Every call returns at once, may come from any thread and may be repeated as often as one likes."""

    def raised(self, report: Report) -> None:
        """The fault is there."""
        ...

    def cleared(self, kind: FaultKind, subject: str = "") -> None:
        """The fault is not there, whether or not it ever was."""
        ...

    def exactly(self, kind: FaultKind, reports: Collection[Report]) -> None:
        """These are all the faults of a kind; any other of that kind is over."""
        ...


class _Nobody:
    """Listens to nothing: for tests and programs that only read."""

    def raised(self, report: Report) -> None:
        del report

    def cleared(self, kind: FaultKind, subject: str = "") -> None:
        del kind, subject

    def exactly(self, kind: FaultKind, reports: Collection[Report]) -> None:
        del kind, reports


NO_FAULTS: Final[FaultSink] = _Nobody()
