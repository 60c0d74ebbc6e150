"""The wire contract: every event type Linegate publishes or consumes."""

from typing import Final

from shared.events.alert import AlertChanged, AlertState, AlertStep, ConditionKind, Evidence, Mute
from shared.events.anomaly_map import PartAnomalyMap
from shared.events.base import (
    UNSPECIFIED,
    CameraKind,
    Event,
    Model,
    PartEvent,
    PixelEvent,
    Place,
    VersionId,
    derived_event_id,
    new_event_id,
    now,
)
from shared.events.crop import PartCrop, Quadrilateral
from shared.events.dead_letter import DeadLetterSettled, DeadLetterStop
from shared.events.fault import Fault, FaultKind, Severity
from shared.events.feedback import Feedback, Finding, Judged, JudgedModel, LabelledPart, contradiction, label_of
from shared.events.image import PartImage
from shared.events.rollout import RolloutBreach, RolloutChanged
from shared.events.training import (
    TrainingCancelled,
    TrainingProgress,
    TrainingRequest,
    TrainingResult,
    TrainingSpec,
)
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
    RolloutChanged,
    RolloutBreach,
    TrainingRequest,
    TrainingCancelled,
    TrainingProgress,
    TrainingResult,
    Feedback,
    LabelledPart,
    AlertChanged,
)

__all__ = [
    "EVENT_TYPES",
    "UNSPECIFIED",
    "AlertChanged",
    "AlertState",
    "AlertStep",
    "Arm",
    "CameraKind",
    "Check",
    "CheckName",
    "ConditionKind",
    "DeadLetterSettled",
    "DeadLetterStop",
    "Event",
    "Evidence",
    "Fallback",
    "Fault",
    "FaultKind",
    "Feedback",
    "Finding",
    "Judged",
    "JudgedModel",
    "LabelledPart",
    "Model",
    "ModelStamp",
    "Mute",
    "Outcome",
    "PartAnomalyMap",
    "PartCrop",
    "PartEvent",
    "PartImage",
    "PixelEvent",
    "Place",
    "Quadrilateral",
    "RolloutBreach",
    "RolloutChanged",
    "Severity",
    "ShadowVerdict",
    "Timings",
    "TrainingCancelled",
    "TrainingProgress",
    "TrainingRequest",
    "TrainingResult",
    "TrainingSpec",
    "Verdict",
    "VersionId",
    "contradiction",
    "decide",
    "derived_event_id",
    "label_of",
    "new_event_id",
    "now",
]
