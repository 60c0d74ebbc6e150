"""A drift in words: the fault that people are told of."""

from typing import Final

import numpy as np

from services.rollout.drift.decide import Finding, Signal, SignalName
from shared.events import FaultKind
from shared.faults import Report
from shared.settings.drift import DriftSettings

KINDS: Final[dict[SignalName, FaultKind]] = {"score": "score_drift", "embedding": "embedding_drift"}
_HINTS: Final[dict[SignalName, str]] = {
    "score": "look at the camera and its light first, then at the parts; if all is as it should be, recalibrate by "
    "feedback (`linegate train recalibrate`) and train a new version from parts of now, which ends this",
    "embedding": "the pictures themselves changed: look at light, focus and position of the camera; if the change is "
    "meant to stay, train a new version from photos of now, which ends this",
}


def report(finding: Finding, name: SignalName, limits: DriftSettings) -> Report:
    """The fault of a signal that drifts."""
    watched = finding.watched
    signal = finding.score if name == "score" else finding.embedding
    where = {"plant": watched.plant, "line": watched.line, "station": watched.station, "camera": watched.camera}
    return Report(
        KINDS[name],
        "warning",
        f"{watched.version} at {watched.place}: {_detail(finding, signal, limits)}",
        subject=f"{watched.key} {watched.version} {watched.place}"[:256],
        hint=_HINTS[name],
        where=where,
        version=watched.version,
    )


def _detail(finding: Finding, signal: Signal, limits: DriftSettings) -> str:
    rejected = f"{finding.rejected:.0%} of the latest {finding.parts} parts rejected"
    if signal.name == "score" and finding.mostly_rejected:
        return f"{rejected}: too many to tell damage from drift (limit {limits.max_reject_share:.0%})"
    if signal.shift is None or isinstance(signal.reference, str):
        return f"drifted before, and too few parts since to say more; {rejected}"
    what = "scores of passed parts" if signal.name == "score" else "embedding distances"
    live, held_out = float(np.median(signal.values)), float(np.median(signal.reference.values))
    found = signal.shift
    return (
        f"{what} differ from held-out good parts: PSI {found.psi:.2f} (limit {limits.max_psi:g}, "
        f"p {found.psi_chance:.1g}), KS {found.ks:.2f} (limit {limits.max_ks:g}, p {found.ks_chance:.1g}), "
        f"median {live:.4g} beside {held_out:.4g}; {len(signal.values)} parts beside {signal.reference.parts}; "
        f"{rejected}"
    )
