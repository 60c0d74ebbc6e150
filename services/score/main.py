"""Wire the score step to the bus."""

import threading

from services.score.models import ModelShelf
from services.score.step import ScoreStep
from services.wiring import watched_registry
from shared.bus.loop import Worker
from shared.events import PartCrop
from shared.models.extractor import ExtractorPool
from shared.pixels import PixelSource
from shared.settings import Settings
from shared.store import ArtifactStore


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a score worker until `stop` is set; answers the exit status."""
    pool = ExtractorPool(device=settings.score.device)
    shelf = ModelShelf(ArtifactStore(settings.store), pool, budget_mib=settings.score.cache_mib)
    with watched_registry(settings, "score", changed=shelf.warm) as watcher:
        # Join the group only with the models in memory: a consumer's readiness is its subscription.
        if watcher.snapshot is not None:
            shelf.warm(watcher.snapshot)
        step = ScoreStep(
            shelf,
            source=PixelSource(settings.images),
            limits=settings.images,
            snapshot=lambda: watcher.snapshot,
            maps=settings.score.maps,
        )
        return Worker(step, consumes=PartCrop, name="score", settings=settings.bus).run(stop)
