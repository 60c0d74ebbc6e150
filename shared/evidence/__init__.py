"""Evidence: the photo, the crop and the anomaly map behind a verdict, and how they are shown to people."""

from shared.evidence.heat import HeatRange
from shared.evidence.live import LiveEvidence
from shared.evidence.map_range import range_of, with_range
from shared.evidence.marked import EvidenceUnreadable, marked, overlay_rgba
from shared.evidence.place import EvidenceName, EvidenceRef, Pictured, day_of
from shared.evidence.preview import preview
from shared.evidence.shelf import EvidenceShelf
from shared.evidence.source import EvidenceSource

__all__ = [
    "EvidenceName",
    "EvidenceRef",
    "EvidenceShelf",
    "EvidenceSource",
    "EvidenceUnreadable",
    "HeatRange",
    "LiveEvidence",
    "Pictured",
    "day_of",
    "marked",
    "overlay_rgba",
    "preview",
    "range_of",
    "with_range",
]
