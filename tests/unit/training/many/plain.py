"""An engine that fits nothing, to see what is done with what an engine makes."""

import hashlib
from collections.abc import Generator, Sequence

from shared.crop_recipe import CropRecipe
from shared.models.card import Calibration, DataSummary, Interval
from shared.registry.records import VersionRecord
from shared.store import ArtifactStore
from training.data.source import open_data
from training.digests import data_digest, photo_digests
from training.many.engine import Done, Failed, Job, Outcome, Progressed, Report


class Plain:
    """An engine that writes a few bytes where a bundle would be.

    Attributes:
        made: versions that it was asked for, all runs together.
        fails: those that it cannot make.
        stored: bundles go to this store only, as on Ray.
    """

    def __init__(self, fails: Sequence[str] = (), stored: ArtifactStore | None = None) -> None:
        self.made: list[str] = []
        self.fails = fails
        self.stored = stored
        self.cut_at: str | None = None

    def run(self, jobs: Sequence[Job], report: Report) -> Generator[Outcome, None, None]:
        """One after the other."""
        for job in jobs:
            report(Progressed(version=job.version, stage="features"))
            if job.version == self.cut_at:
                raise KeyboardInterrupt
            self.made.append(job.version)
            if job.version in self.fails:
                yield Failed(version=job.version, reason="no light", hint="switch it on")
            else:
                yield self._done(job)

    def _done(self, job: Job) -> Done:
        job.out.mkdir(parents=True)
        (job.out / "report.html").write_text("a report", encoding="utf-8")
        content = f"{job.order.model_dump_json()} {job.reference}".encode()
        bundle = job.out / f"{job.version}.safetensors"
        if self.stored is None:
            bundle.write_bytes(content)
        else:
            self.stored.put_bytes(content)
        samples = [s for s in open_data(job.data).samples if s.layout in job.order.spec.layouts]
        digest = data_digest(samples, photo_digests(samples, lambda *_: None))
        record = VersionRecord(
            version=job.version,
            digest=hashlib.sha256(content).hexdigest(),
            kind=job.order.spec.kind,
            place=job.order.place,
            author=job.order.author,
            crop=CropRecipe(policy="full_frame"),
            metrics={"auroc": 0.987},
            calibration=Calibration(
                rule="mean_sd",
                threshold=1.25,
                good_parts=9,
                damaged_parts=0,
                false_alarm_rate=0.014,
                false_alarm_interval=Interval(low=0.003, high=0.041),
            ),
            data=DataSummary(
                name="d",
                digest=digest,
                train_good=1,
                calibration_good=1,
                calibration_damaged=0,
                test_good=1,
                test_damaged=0,
            ),
        )
        return Done(
            version=job.version,
            record=record,
            bundle=None if self.stored is not None else bundle.name,
            papers={"report": "report.html"},
            warnings=("few photos",),
            seconds=2.0,
        )
