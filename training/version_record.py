"""What the registry is told of a version: the facts of its bundle, so that nobody needs the bundle to read them."""

from shared.models.base import AnomalyModel
from shared.models.card import ModelCard
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord


def version_record(
    version: str,
    model: AnomalyModel,
    card: ModelCard,
    *,
    digest: str,
    author: str,
    note: str = "",
    place: PlaceKey | None = None,
    job: str | None = None,
) -> VersionRecord:
    """The record of a bundle.

    Args:
        version: its name.
        model: as in the bundle.
        card: as in the bundle; `parent` and `created` are taken from it.
        digest: sha256 of the bundle.
        author: who had it made.
        note: why, or of what.
        place: where it is meant to judge.
        job: the training job that made it.
    """
    return VersionRecord(
        version=version,
        digest=digest,
        kind=model.kind,
        backbone=model.spec.extractor.backbone,
        crop=card.crop,
        place=place,
        data=card.data,
        calibration=card.calibration,
        good_distances=() if card.embedding is None else card.embedding.good_distances,
        metrics=card.metrics,
        code_version=card.code_version,
        parent=card.parent,
        job=job,
        created=card.created,
        author=author,
        note=note,
    )
