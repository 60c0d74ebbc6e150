"""The version with the new threshold: the same tensors, another card, another digest."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from shared.models.bundle import read_card, with_card
from shared.models.card import Calibration, FieldEvidence, ModelCard
from shared.models.quantiles import MOST_QUANTILES
from shared.registry.records import VersionRecord
from shared.settings import Settings
from shared.signing import Trust, trust_of, verify_artifact
from shared.signing.keys import signing_key
from shared.store import ArtifactStore
from training.arguments import version_name
from training.calibrate import expected_false_alarm_rate, false_alarm_interval
from training.code_version import code_version
from training.metrics import Floats
from training.recalibrate.choice import Choice
from training.recalibrate.labels import FieldLabels, Wanted

_MADE_NAME: Final = re.compile(r"-f\d{8}-\d{4}$")
_LONGEST_NAME: Final = 95


@dataclass(frozen=True, slots=True)
class Former:
    """The version that is recalibrated."""

    record: VersionRecord
    bundle: bytes
    card: ModelCard


def fetch_former(record: VersionRecord, settings: Settings) -> Former:
    """The bundle of a version, verified by digest and by signature: what we sign anew must have been trusted.

    Raises:
        StoreError: the store has it not, or does not answer.
        SignatureRejected: it is not signed by a trusted key.
        KeyRejected: a key of the settings cannot be used.
        BundleRejected: it is no bundle that this version of Linegate reads.
    """
    trust, own = trust_of(settings.signing), signing_key(settings.signing)
    if not trust.asks and own is not None:
        # Whoever signs and says nothing of whom they trust, trusts themselves and nobody else.
        trust = Trust([own.public_key()])
    store = ArtifactStore(settings.store)
    bundle = store.read(record.digest)
    verify_artifact(store, record.digest, trust)
    return Former(record, bundle, read_card(bundle, name=record.version))


def new_name(given: str | None, former: str, now: datetime) -> str:
    """The given name, checked, or the former one with the minute.

    Raises:
        ArgumentRejected: the given name is not one the registry takes.
    """
    made = f"-f{now:%Y%m%d-%H%M}"
    return version_name(given or _MADE_NAME.sub("", former)[: _LONGEST_NAME - len(made)] + made, "", "", now)


def new_card(
    former: Former, choice: Choice, labels: FieldLabels, wanted: Wanted, warnings: list[str], *, now: datetime
) -> ModelCard:
    """The card: what was measured of the scores stands as before; what depended on the old threshold is left out."""
    assert choice.chosen is not None  # noqa: S101 - the caller looked
    before, threshold = former.card.calibration, choice.chosen.threshold
    held_out = _all_held_out(before)
    calibration = Calibration(
        rule="feedback",
        threshold=threshold,
        good_parts=labels.findings["false_alarm"] + labels.findings["confirmed_good"],
        damaged_parts=labels.findings["confirmed_damage"] + labels.findings["missed_damage"],
        parameter=choice.target,
        false_alarm_rate=expected_false_alarm_rate(held_out, threshold, fitted=True),
        false_alarm_interval=false_alarm_interval(held_out, threshold),
        good_scores=before.good_scores,
        field=FieldEvidence(
            place=wanted.key.root,
            since=wanted.since,
            latest=labels.latest,
            findings=labels.findings,
            former_threshold=before.threshold,
            caught=choice.chosen.caught,
            stopped=choice.chosen.stopped,
            lost=choice.lost,
            bound=choice.chosen.bound,
            confidence=choice.confidence,
        ),
        warnings=tuple(warnings),
    )
    return former.card.model_copy(
        update={
            "calibration": calibration,
            "metrics": {
                name: value for name, value in former.card.metrics.items() if not name.endswith("_at_threshold")
            },
            "created": now,
            "code_version": code_version(),
            "parent": former.record.version,
        }
    )


def new_bundle(former: Former, card: ModelCard) -> bytes:
    """The former bundle with `card`."""
    return with_card(former.bundle, card, name=former.record.version)


def new_record(
    former: Former, card: ModelCard, wanted: Wanted, *, name: str, digest: str, author: str
) -> VersionRecord:
    """What the registry is told: a candidate at the key that the labels are from."""
    return VersionRecord(
        version=name,
        digest=digest,
        kind=former.record.kind,
        backbone=former.record.backbone,
        crop=card.crop,
        place=wanted.key,
        data=card.data,
        calibration=card.calibration,
        good_distances=() if card.embedding is None else card.embedding.good_distances,
        metrics=card.metrics,
        code_version=card.code_version,
        parent=card.parent,
        created=card.created,
        author=author,
        note=f"{former.record.version} with its threshold by feedback",
    )


def _all_held_out(calibration: Calibration) -> Floats:
    """Scores of all held-out good parts; empty where only some quantiles of them were kept, or none."""
    kept = calibration.good_scores
    return np.asarray(kept if len(kept) < MOST_QUANTILES else (), dtype=np.float64)
