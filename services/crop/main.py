"""Wire the crop step to the bus."""

import threading

from services.crop.step import CropStep
from services.wiring import watched_registry
from shared.bus.loop import Worker
from shared.cropping import Cropper
from shared.events import PartImage
from shared.pixels import PixelSource
from shared.settings import Settings


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a crop worker until `stop` is set; answers the exit status."""
    with watched_registry(settings, "crop") as watcher:
        step = CropStep(
            Cropper.load(settings.crop.weights),
            source=PixelSource(settings.images),
            limits=settings.images,
            snapshot=lambda: watcher.snapshot,
        )
        return Worker(step, consumes=PartImage, name="crop", settings=settings.bus).run(stop)
