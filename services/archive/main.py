"""Wire the archive step to the bus."""

import threading

from services.archive.choice import Choice
from services.archive.housekeeper import Housekeeper
from services.archive.metrics import ArchiveMetrics
from services.archive.pictures import PictureKeeper
from services.archive.rows import RowWriter
from services.archive.step import ArchiveStep
from services.archive.tidy import Tidying
from shared.bus.loop import Worker
from shared.bus.settings import BusSettings
from shared.events import PartAnomalyMap, Verdict
from shared.evidence import EvidenceShelf, LiveEvidence
from shared.history.files import HistoryFiles
from shared.serving.wiring import fault_reporter, run_worker
from shared.serving.worker_probes import worker_probes
from shared.settings import ArchiveSettings, Settings


def main(settings: Settings, stop: threading.Event) -> int:
    """Run an archive worker until `stop` is set; answers the exit status."""
    metrics = ArchiveMetrics()
    files = HistoryFiles(settings.store)
    shelf = EvidenceShelf(settings.store)
    tidying = Tidying(files, shelf, settings.archive, settings.history, metrics)
    with (
        fault_reporter(settings, "archive") as faults,
        LiveEvidence(settings.bus, settings.images, settings.network) as live,
        Housekeeper(tidying, interval_s=settings.archive.tidy_s),
    ):
        step = ArchiveStep(
            RowWriter(files, settings.history, metrics),
            PictureKeeper(shelf, live, metrics),
            Choice(settings.archive.keep_passed),
            faults=faults,
        )
        bus = archive_bus(settings.bus, settings.archive)
        worker = Worker(step, consumes=(Verdict, PartAnomalyMap), name="archive", settings=bus)
        with worker_probes(worker, settings.probes):
            return run_worker(worker, stop, faults=faults)


def archive_bus(bus: BusSettings, archive: ArchiveSettings) -> BusSettings:
    """The bus with the archive's large and patient batches: files are to be few, and nobody waits for them."""
    events = archive.max_events
    return bus.model_copy(
        update={
            "max_events": events,
            "max_wait_ms": round(archive.max_wait_s * 1000),
            "high_water": events * 2,
            "low_water": events,
        }
    )
