"""The folder of a plan: which versions are finished in it, and where the others are made."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import LinegateError
from shared.settings import Settings
from shared.store import ArtifactStore, StoreError
from training.code_version import code_version
from training.many.engine import Done, Job
from training.many.kept import Kept, keep, key_of, read_kept
from training.many.local import log_of
from training.many.photos import Photos
from training.many.survey import Planned
from training.order import Means
from training.publish import reference_of

MAKING: Final = ".making"
"""Folder of what is not finished; whatever an earlier run left there is removed."""


class WorkshopRejected(LinegateError):
    """The folder cannot be used."""


class Workshop:
    """Below `out`, a folder for each finished version.

    Args:
        out: the folder of the plan.
        settings: of the store and the registry.
        means: with what versions are made.
        report: called as `report(read, all)` while photos of finished versions are read again.
    """

    def __init__(self, out: Path, settings: Settings, means: Means, report: Callable[[int, int | None], None]) -> None:
        self.out: Final = out
        self._settings: Final = settings
        self._means: Final = means
        self._photos: Final = Photos(report)
        self._references: Final[dict[tuple[str, str, str], str | None]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out, and remove what an earlier one left half made.

        Raises:
            WorkshopRejected: another run is at work here, or the folder cannot be written.
        """
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            # Append: who does not get the lock must not change what the other wrote.
            with (self.out / ".lock").open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise WorkshopRejected(f"another run is at work in {self.out}") from None
                shutil.rmtree(self.out / MAKING, ignore_errors=True)
                (self.out / MAKING).mkdir()
                try:
                    yield
                finally:
                    shutil.rmtree(self.out / MAKING, ignore_errors=True)
        except PermissionError as error:
            raise WorkshopRejected(f"cannot write to {self.out}: {error.strerror}") from None

    def job(self, planned: Planned) -> Job:
        """What an engine is asked for.

        Raises:
            PublishRejected, ReferenceRejected, StoreError: its reference is not there.
            RegistryUnavailable: Redis does not answer, and has to say what the station's reference is.
        """
        order = planned.wanted.order
        return Job(
            order=order,
            data=planned.wanted.data.resolve(),
            reference=self._reference(planned),
            means=self._means,
            out=(self.out / MAKING / order.version).resolve(),
        )

    def finished(self, planned: Planned, job: Job) -> Kept | None:
        """What was made before of just this; None where it is to be made.

        Raises:
            DataRejected: its photos cannot be read.
        """
        kept = read_kept(self.out / planned.version)
        if kept is None or kept.record.data is None:
            return None
        if kept.key != self._key(planned, job, self._photos.digest(planned.wanted.data, planned.data)):
            return None
        return kept if kept.bundle is not None or self._stored(kept.record.digest) else None

    def finish(self, planned: Planned, job: Job, done: Done) -> Kept:
        """Put what was made where it belongs, in one step.

        Raises:
            OSError: the disk says no.
            DataRejected: a mask cannot be read.
        """
        data = "" if done.record.data is None else done.record.data.digest
        kept = keep(job.out, self._key(planned, job, data), done)
        folder = self.out / planned.version
        if folder.exists():
            # Of other photos or another spec, or damaged. Aside first: a cut between the two steps loses nothing new.
            old = job.out.with_name(f".{planned.version}.old")
            os.replace(folder, old)  # noqa: PTH105 - Path.replace says it replaces files
            shutil.rmtree(old, ignore_errors=True)
        job.out.rename(folder)
        return kept

    def keep_log(self, job: Job) -> Path | None:
        """What the process of a job that failed printed, in the folder of the plan; None where it printed nothing."""
        log, kept = log_of(job), self.out / f"{job.version}.log"
        if not log.is_file() or not log.stat().st_size:
            return None
        return log.replace(kept)

    def _key(self, planned: Planned, job: Job, data: str) -> str:
        return key_of(job.order, job.reference, planned.data.samples, data=data, code=code_version())

    def _stored(self, digest: str) -> bool:
        try:
            return ArtifactStore(self._settings.store).exists(digest)
        except StoreError:
            return False

    def _reference(self, planned: Planned) -> str | None:
        """Asked once for all versions that have the same."""
        order = planned.wanted.order
        place = "" if order.place is None else order.place.root
        asked = (order.spec.crop, order.spec.reference, place)
        if asked not in self._references:
            found = reference_of(order.spec, order.place, self._settings)
            self._references[asked] = hashlib.sha256(found).hexdigest() if isinstance(found, bytes) else found
        return self._references[asked]
