"""What is kept of a finished version, beside its bundle, so that it is not made again.

A version is what its key says: the sha256 over everything that it depends on. Photos and masks count by their content,
names and folds by the manifest; where the files lie, and on which machine or how fast it was made, does not count.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from shared.events.base import Model, Sha256
from shared.files import write_atomically
from shared.registry.records import VersionRecord
from training.data.sample import Sample
from training.many.engine import Done
from training.order import Order

NAME: Final = "version.json"


class Kept(Model):
    """A finished version, in the folder of its name."""

    key: Sha256
    record: VersionRecord
    bundle: str | None
    """File in the folder; None: it lies in the artifact store only."""
    papers: dict[str, str]
    warnings: tuple[str, ...] = ()
    seconds: float
    """How long it took."""


def keep(folder: Path, key: str, done: Done) -> Kept:
    """Write it down, last of all that goes into the folder.

    Raises:
        OSError: the disk says no.
    """
    kept = Kept(
        key=key,
        record=done.record,
        bundle=done.bundle,
        papers=done.papers,
        warnings=done.warnings,
        seconds=done.seconds,
    )
    write_atomically(folder / NAME, kept.model_dump_json(indent=2).encode())
    return kept


def read_kept(folder: Path) -> Kept | None:
    """What is kept in a folder; None where nothing is, or where some of it is missing or was changed."""
    try:
        kept = Kept.model_validate_json((folder / NAME).read_bytes())
        if kept.bundle is not None and _sha256(folder / kept.bundle) != kept.record.digest:
            return None
    except (OSError, ValidationError):
        return None
    return kept if all((folder / name).is_file() for name in kept.papers.values()) else None


def key_of(order: Order, reference: str | None, samples: Iterable[Sample], *, data: str, code: str) -> str:
    """sha256 over everything that a version depends on.

    Args:
        order: its note and author do not count.
        reference: that its crops are registered to: sha256, `learn` or None.
        samples: of the data set, as narrowed for this version.
        data: digest of their photos and labels, as the version's card has it.
        code: Linegate's version.

    Raises:
        DataRejected: a mask cannot be read.
    """
    told = {
        "version": order.version,
        "place": None if order.place is None else order.place.root,
        "parent": order.parent,
        "spec": order.spec.model_dump(mode="json"),
        "reference": reference,
        "data": data,
        "samples": sorted(_facts(sample) for sample in samples),
        "code": code,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _facts(sample: Sample) -> str:
    """What the digest of the photos does not cover."""
    return json.dumps(
        [
            sample.name,
            sample.label,
            sample.defect,
            sample.layout,
            sample.camera,
            sample.polygon,
            sample.part,
            sample.severity,
            sample.fold,
            _mask(sample),
        ]
    )


def _mask(sample: Sample) -> str | None:
    if isinstance(sample.mask, Path) and sample.mask.is_file():
        return _sha256(sample.mask)
    content = sample.read_mask()
    return None if content is None else hashlib.sha256(content).hexdigest()


def _sha256(path: Path) -> str:
    found = path.stat()
    return _sha256_as_of(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=65536)
def _sha256_as_of(path: Path, size: int, changed: int) -> str:
    """Versions of one data set read its masks once."""
    del size, changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
