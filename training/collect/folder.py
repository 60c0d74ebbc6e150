"""A folder that is there whole or not at all."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.collect.photos import CollectRejected


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target` that takes its name when the block ends well, and is removed otherwise.

    A process that is killed leaves `.<name>.<random>.partial`, which nobody takes for the set.

    Raises:
        CollectRejected: there is something at `target` already, or the disk says no.
    """
    if target.exists():
        raise CollectRejected(f"{target} exists already", hint="choose another --out folder")
    staging = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        staging.mkdir(parents=True)
        yield staging
        _to_disk(staging)
        if target.exists():
            raise CollectRejected(f"{target} was made meanwhile", hint="choose another --out folder")
        staging.rename(target)
    except OSError as error:
        raise CollectRejected(f"cannot write {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _to_disk(folder: Path) -> None:
    """Have everything below `folder` on the disk before it gets its name."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
