"""Wire the crop step to the bus."""

import threading

from services.crop.clock import SkewWatch
from services.crop.references import ReferenceShelf
from services.crop.step import CropStep
from shared.bus.loop import Worker
from shared.cropping import Cropper
from shared.events import PartImage
from shared.models.memory import MemoryRoom
from shared.pixels import PixelSource
from shared.serving.wiring import fault_reporter, run_worker, watched_registry
from shared.serving.worker_probes import worker_probes
from shared.settings import Settings
from shared.store import ArtifactStore


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a crop worker until `stop` is set; answers the exit status."""
    references = ReferenceShelf(ArtifactStore(settings.store))
    with (
        fault_reporter(settings, "crop") as faults,
        watched_registry(settings, "crop", faults=faults, changed=references.warm) as watcher,
    ):
        step = CropStep(
            Cropper.load(settings.crop.weights, room=MemoryRoom(faults, name="label detection")),
            source=PixelSource(settings.images, settings.network),
            limits=settings.images,
            snapshot=lambda: watcher.snapshot,
            clocks=SkewWatch(settings.faults.clock_skew_s, faults=faults),
            references=references,
        )
        worker = Worker(step, consumes=PartImage, name="crop", settings=settings.bus)
        with worker_probes(worker, settings.probes):
            return run_worker(worker, stop, faults=faults)
