"""Wire the score step to the bus."""

import threading
from pathlib import Path

from services.score.effective import Effective
from services.score.in_force import InForce
from services.score.keeper import ModelKeeper
from services.score.model_metrics import ModelMetrics
from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.loop import Worker
from shared.events import PartCrop
from shared.faults.disk import tell_disk
from shared.models.extractor import ExtractorPool
from shared.models.memory import MemoryRoom
from shared.pixels import PixelSource
from shared.serving.wiring import fault_reporter, run_worker, watched_registry
from shared.serving.worker_probes import worker_probes
from shared.settings import Settings
from shared.signing import trust_of
from shared.store import ArtifactStore


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a score worker until `stop` is set; answers the exit status."""
    trust = trust_of(settings.signing)
    pool = ExtractorPool(device=settings.score.device)
    with fault_reporter(settings, "score") as faults:
        cache = Path(settings.store.cache_dir)

        def written(error: OSError | None) -> None:
            tell_disk(faults, f"artifact cache {cache}", error)

        store = ArtifactStore(settings.store, cache_written=written)
        metrics = ModelMetrics()
        shelf = ModelShelf(
            store,
            pool,
            budget_mib=settings.score.cache_mib,
            trust=trust,
            load_wait_s=settings.score.load_wait_s,
            metrics=metrics,
        )
        in_force = InForce(cache / "in-force-score.json", written=written)
        effective = Effective(shelf, in_force, metrics=metrics)
        keeper = ModelKeeper(shelf, in_force, effective, store, faults=faults, check_s=settings.score.check_s)
        with watched_registry(settings, "score", faults=faults, changed=keeper.changed) as watcher:
            # Join the group only with the models in memory: a consumer's readiness is its subscription.
            if watcher.snapshot is not None:
                keeper.warm(watcher.snapshot)
            step = ScoreStep(
                shelf,
                source=PixelSource(settings.images, settings.network),
                limits=settings.images,
                snapshot=lambda: watcher.snapshot,
                maps=settings.score.maps,
                in_force=in_force,
                effective=effective,
                room=MemoryRoom(faults, name="scoring"),
            )
            worker = Worker(step, consumes=PartCrop, name="score", settings=settings.bus)
            with keeper, worker_probes(worker, settings.probes):
                return run_worker(worker, stop, faults=faults)
