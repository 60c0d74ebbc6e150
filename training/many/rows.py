"""What became of each version of a plan: the lines of the table, on the terminal and on the page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from shared.registry.records import VersionRecord
from training.many.survey import Planned
from training.wording import per_thousand

Status: TypeAlias = Literal["to make", "made", "finished before", "skipped", "failed", "not begun"]
RECALL: str = "recall_at_precision_0.95"


@dataclass(slots=True)
class Row:
    """One version.

    Attributes:
        planned: what was wanted.
        status: what became of it.
        record: of the version, where it is made.
        registered: whether the registry has it.
        seconds: that making it took.
        why: of a status that needs a reason, one line.
        folder: with its files, below the plan's.
        report: file in the folder.
        warnings: for people.
    """

    planned: Planned
    status: Status = "to make"
    record: VersionRecord | None = None
    registered: bool = False
    seconds: float | None = None
    why: str = ""
    folder: Path | None = None
    report: str | None = None
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def version(self) -> str:
        """Its name."""
        return self.planned.version

    @property
    def place(self) -> str:
        """Where it is meant to judge."""
        place = self.planned.wanted.order.place
        return "" if place is None else place.root

    @property
    def told(self) -> str:
        """The status in full."""
        status = f"{self.status}, registered" if self.registered else self.status
        return f"{status}: {self.why}" if self.why else status

    def metric(self, name: str) -> float | None:
        """A metric on the locked test; None where it was not measured."""
        return None if self.record is None else self.record.metrics.get(name)

    @property
    def threshold(self) -> float | None:
        """Scores from which a part fails."""
        calibration = None if self.record is None else self.record.calibration
        return None if calibration is None else calibration.threshold

    @property
    def false_alarms(self) -> float | None:
        """Of 1000 good parts, how many are expected to be stopped."""
        calibration = None if self.record is None else self.record.calibration
        return (
            None if calibration is None or calibration.false_alarm_rate is None else 1000 * calibration.false_alarm_rate
        )

    @property
    def false_alarms_told(self) -> str:
        """With its interval: `14 (3-41)`."""
        calibration = None if self.record is None else self.record.calibration
        if calibration is None or calibration.false_alarm_rate is None:
            return ""
        told = per_thousand(calibration.false_alarm_rate)
        interval = calibration.false_alarm_interval
        return told if interval is None else f"{told} ({per_thousand(interval.low)}-{per_thousand(interval.high)})"


def figure(value: float | None, form: str) -> str:
    """A number, or nothing where there is none."""
    return "" if value is None else format(value, form)
