"""Wire the labels step to the bus."""

import threading
from datetime import timedelta

from services.labels.feed import VerdictFeed
from services.labels.index import Known, VerdictIndex
from services.labels.metrics import LabelMetrics
from services.labels.step import LabelStep
from shared.bus.loop import Worker
from shared.events import Feedback
from shared.probes import probes
from shared.serving.wiring import fault_reporter, run_worker
from shared.serving.worker_probes import worker_dead, worker_unready
from shared.settings import Settings


class Recent:
    """The index, and the feed that fills it, as the step asks them."""

    def __init__(self, index: VerdictIndex, feed: VerdictFeed) -> None:
        self._index = index
        self._feed = feed

    def find(self, plant: str, image: str) -> Known | None:
        """See `VerdictIndex.find`."""
        return self._index.find(plant, image)

    def catch_up(self) -> bool:
        """See `VerdictFeed.catch_up`."""
        return self._feed.catch_up()


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a labels worker until `stop` is set; answers the exit status."""
    wanted = settings.labels
    index = VerdictIndex(wanted.verdicts)
    feed = VerdictFeed(settings.bus, index, read_back=timedelta(hours=wanted.read_back_h))
    remembers = f"the latest {wanted.verdicts} verdicts of {wanted.read_back_h:g} h"
    with fault_reporter(settings, "labels") as faults, feed:
        step = LabelStep(Recent(index, feed), metrics=LabelMetrics(), remembers=remembers)
        worker = Worker(step, consumes=Feedback, name="labels", settings=settings.bus)

        def dead() -> str | None:
            unread = None if feed.running else "verdicts are no longer read"
            return worker_dead(worker.health, settings.probes) or unread

        def unready() -> str | None:
            behind = None if feed.current else "verdicts are still being read from Kafka"
            return worker_unready(worker.health) or behind

        with probes(settings.probes, dead=dead, unready=unready):
            return run_worker(worker, stop, faults=faults)
