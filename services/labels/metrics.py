"""What the labels worker counts, through OpenTelemetry; without a configured meter it costs next to nothing."""

from collections import OrderedDict
from typing import Final

from opentelemetry import metrics

from shared.events import LabelledPart

METER: Final = metrics.get_meter("linegate.labels")
WINDOW: Final = 200
"""Latest findings on rejected parts of a line, of which precision is told."""
MOST_LINES: Final = 1000


class LabelMetrics:
    """The instruments of a labels worker, made by `meter`. Of what this process has seen since it started."""

    def __init__(self, meter: metrics.Meter = METER) -> None:
        self._labels = meter.create_counter("linegate.labels.given")
        self._precision = meter.create_gauge(
            "linegate.labels.precision", description="Share of the latest rejected parts looked at that are damaged."
        )
        self._rejected: OrderedDict[tuple[str, str], OrderedDict[str, bool]] = OrderedDict()
        """By plant and line: whether each of the latest rejected photos is damaged."""

    def labelled(self, part: LabelledPart) -> None:
        """A label was made. A second word on a photo replaces the first in the precision, and counts as given."""
        where = {"plant": part.plant, "line": part.line}
        self._labels.add(1, where | {"finding": part.finding})
        if part.judged.decision != "fail":
            return
        latest = self._rejected.setdefault((part.plant, part.line), OrderedDict())
        latest.pop(part.image, None)
        latest[part.image] = part.label == "damaged"
        if len(latest) > WINDOW:
            latest.popitem(last=False)
        self._rejected.move_to_end((part.plant, part.line))
        if len(self._rejected) > MOST_LINES:
            self._rejected.popitem(last=False)
        self._precision.set(sum(latest.values()) / len(latest), where)
