"""The wire contract: every event type Linegate publishes or consumes."""

from typing import Final

from shared.events.anomaly_map import PartAnomalyMap
from shared.events.base import (
    UNSPECIFIED,
    CameraKind,
    Event,
    Model,
    PartEvent,
    PixelEvent,
    Place,
    derived_event_id,
    new_event_id,
    now,
)
from shared.events.crop import PartCrop, Quadrilateral
from shared.events.dead_letter import DeadLetterSettled, DeadLetterStop
from shared.events.fault import Fault, FaultKind, Severity
from shared.events.image import PartImage
from shared.events.verdict import (
    Arm,
    Check,
    CheckName,
    Fallback,
    ModelStamp,
    Outcome,
    ShadowVerdict,
    Timings,
    Verdict,
    decide,
)

EVENT_TYPES: Final[tuple[type[Event], ...]] = (
    PartImage,
    PartCrop,
    Verdict,
    ShadowVerdict,
    PartAnomalyMap,
    Fault,
    DeadLetterSettled,
    DeadLetterStop,
)

__all__ = [
    "EVENT_TYPES",
    "UNSPECIFIED",
    "Arm",
    "CameraKind",
    "Check",
    "CheckName",
    "DeadLetterSettled",
    "DeadLetterStop",
    "Event",
    "Fallback",
    "Fault",
    "FaultKind",
    "Model",
    "ModelStamp",
    "Outcome",
    "PartAnomalyMap",
    "PartCrop",
    "PartEvent",
    "PartImage",
    "PixelEvent",
    "Place",
    "Quadrilateral",
    "Severity",
    "ShadowVerdict",
    "Timings",
    "Verdict",
    "decide",
    "derived_event_id",
    "new_event_id",
    "now",
]
