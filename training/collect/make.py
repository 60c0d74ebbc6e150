"""From Kafka to a folder: verdicts and labels first, as ids; then the photos, one by one."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, Field

from shared.events import LabelledPart, PartImage, ShadowVerdict, Verdict
from shared.events.base import Model, now
from shared.pixels import PixelSource
from shared.registry.place_key import PlaceKey
from shared.settings import Settings
from training.code_version import code_version
from training.collect.folder import whole_folder
from training.collect.ledger import Ledger
from training.collect.photos import CollectRejected, Written, write_photos
from training.collect.read import Reading
from training.data.manifest import load_manifest
from training.digests import data_digest

MANIFEST: Final = "manifest.jsonl"
PROVENANCE: Final = "provenance.json"
EARLIER: Final = timedelta(hours=1)
"""Photos are looked for from so long before the first verdict on: they come first, by the clock of their sender."""


class Asked(Model):
    """What is wanted."""

    key: PlaceKey
    since: AwareDatetime
    most: int | None = None
    all_photos: bool = False
    ignore_shadow: bool = False


class Provenance(Model):
    """Where a data set is from: stands in its folder."""

    asked: Asked
    made: AwareDatetime = Field(default_factory=now)
    code_version: str
    digest: str
    """sha256 over the sorted photo digests and labels, as the card of a model trained on it has it."""
    photos: dict[str, int]
    """In the set, by label."""
    counts: dict[str, int]
    """On the way to it."""
    excluded: dict[str, int]
    """Parts that passed and are left out, by what speaks against them."""
    gone: int
    """Wanted photos that Kafka holds no longer."""
    unreadable: dict[str, int]
    """Wanted photos that could not be used, by reason."""
    refused: dict[str, int]
    """Records that were no such event, by topic."""
    offsets: dict[str, dict[int, tuple[int, int]]]
    """First and last offset that was read, by topic and partition."""


def make_set(
    asked: Asked, out: Path, settings: Settings, *, progress: Callable[[str, int, int | None], None]
) -> Provenance:
    """Make the data set at `out`, whole or not at all.

    Raises:
        CollectRejected: `out` exists or cannot be written, there are no such photos, or a place does not answer.
        KafkaFailedError: Kafka does not answer, or refuses.
    """
    with whole_folder(out) as folder:
        reading, ledger = Reading(settings.bus, progress), Ledger(asked.key, asked.since)
        for verdict in reading.all(Verdict, "verdicts"):
            ledger.verdict(verdict)
        if not asked.ignore_shadow:
            for shadow in reading.all(ShadowVerdict, "shadow verdicts"):
                ledger.verdict(shadow)
        for label in reading.all(LabelledPart, "labels"):
            ledger.label(label)
        selection = ledger.select(most=asked.most, all_photos=asked.all_photos)
        del ledger
        if not selection.photos:
            raise CollectRejected(
                f"no part of {asked.key} passed since {asked.since:%Y-%m-%d %H:%M} and is free of doubt",
                hint=f"{sum(selection.excluded.values())} parts were left out; is --since long enough?",
            )
        source = PixelSource(settings.images, settings.network)
        photos = reading.all(PartImage, "photos", start=_from(asked.since))
        written = write_photos(photos, selection.photos, folder, source, progress)
        gone = len(selection.photos) - len(written.rows) - sum(written.unreadable.values())
        if not written.rows:
            raise CollectRejected(
                f"none of the {len(selection.photos)} photos can be had: {gone} are no longer in {PartImage.TOPIC}",
                hint="raise the topic's retention (retention.ms, retention.bytes), or take a later --since",
            )
        made = Provenance(
            asked=asked,
            code_version=code_version(),
            digest=_write_manifest(folder / MANIFEST, written),
            photos={label: sum(row["label"] == label for row in written.rows) for label in ("good", "damaged")},
            counts=selection.counts,
            excluded=selection.excluded,
            gone=gone,
            unreadable=written.unreadable,
            refused=reading.refused,
            offsets=reading.offsets,
        )
        (folder / PROVENANCE).write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return made


def _write_manifest(path: Path, written: Written) -> str:
    """Write it, read it as a training does, and answer the data set's digest."""
    rows: list[dict[str, Any]] = sorted(written.rows, key=lambda row: str(row["image"]))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return data_digest(load_manifest(path), written.digests)


def _from(since: datetime) -> datetime:
    return since - EARLIER
