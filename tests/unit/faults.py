"""Who listens to faults in a test."""

from collections.abc import Collection

from shared.events import FaultKind
from shared.faults import Report


class Told:
    """Remembers which faults are there, and every change."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Report] = {}
        self.changes: list[tuple[str, str]] = []
        """Each change: `raised` or `cleared`, and the kind."""

    @property
    def open(self) -> list[Report]:
        """The faults that are there."""
        return list(self._open.values())

    @property
    def kinds(self) -> list[str]:
        """Their kinds."""
        return [report.kind for report in self._open.values()]

    def raised(self, report: Report) -> None:
        """The fault is there."""
        if (report.kind, report.subject) not in self._open:
            self.changes.append(("raised", report.kind))
        self._open[report.kind, report.subject] = report

    def cleared(self, kind: FaultKind, subject: str = "") -> None:
        """The fault is not there."""
        if self._open.pop((kind, subject), None) is not None:
            self.changes.append(("cleared", kind))

    def exactly(self, kind: FaultKind, reports: Collection[Report]) -> None:
        """All faults of a kind."""
        for held in [report for report in self.open if report.kind == kind]:
            if held.subject not in {report.subject for report in reports}:
                self.cleared(kind, held.subject)
        for report in reports:
            self.raised(report)
