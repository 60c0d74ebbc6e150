"""Wire the alert step to the bus; beside it the ticker, the reader of dead letters, and the teller."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from services.alert.dead_letters import LetterCount, LetterFeed, LetterMark
from services.alert.desk_watcher import DeskWatcher
from services.alert.firing import Firing
from services.alert.metrics import AlertMetrics
from services.alert.places import RedisPlaces
from services.alert.scripts import TELLER
from services.alert.series.on_redis import RedisSeries
from services.alert.standing_faults import RedisStanding
from services.alert.step import AlertStep
from services.alert.telling.lease import Lease
from services.alert.telling.teller import AlertTeller
from services.alert.ticking.closing import Closing
from services.alert.ticking.kafka_queue import KafkaQueue
from services.alert.ticking.missing import Missing
from services.alert.ticking.settled import Settled
from services.alert.ticking.tending import Tending
from services.alert.ticking.ticker import Ticker
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.bus.clients import open_admin
from shared.bus.loop import Worker
from shared.events import Fault, PartCrop, PartImage, Verdict, now
from shared.probes import probes
from shared.serving.wiring import fault_reporter, run_worker
from shared.serving.worker_probes import worker_dead, worker_unready
from shared.settings import Settings

NAME = "alert"


def main(settings: Settings, stop: threading.Event) -> int:
    """Run an alert worker until `stop` is set; answers the exit status."""
    wanted, redis = settings.alerts, settings.redis
    metrics = AlertMetrics()
    with ExitStack() as held:
        faults = held.enter_context(fault_reporter(settings, NAME))
        book = held.enter_context(AlertBook(redis))
        series = held.enter_context(RedisSeries(redis))
        places = held.enter_context(RedisPlaces(redis))
        standing = held.enter_context(RedisStanding(redis))
        watch = held.enter_context(DeskWatcher(held.enter_context(SubscriptionDesk(redis))))
        firing = Firing(book, oldest_s=wanted.oldest_s, clock=now, metrics=metrics)
        missing = Missing(places, firing, forget_days=wanted.forget_places_d)
        step = AlertStep(
            watch.latest,
            series=series,
            places=places,
            standing=standing,
            firing=firing,
            clock=now,
        )
        worker = Worker(step, consumes=(Verdict, Fault), name=NAME, settings=settings.bus)
        photos, verdicts = held.enter_context(_queues(settings, worker.group))
        tending = Tending(
            book, watch, standing, missing, keep_closed_days=wanted.keep_closed_d, clock=now, metrics=metrics
        )
        ticker = Ticker(
            watch,
            photos=photos,
            verdicts=verdicts,
            closing=Closing(series, firing),
            missing=missing,
            tending=tending,
            book=book,
            lateness_s=wanted.lateness_s,
            look_s=wanted.look_s,
            clock=now,
            metrics=metrics,
        )
        letters = LetterFeed(
            settings.bus,
            LetterCount(series, places, firing, clock=now),
            held.enter_context(LetterMark(redis)),
            lambda: watch.snapshot,
            oldest_s=wanted.oldest_s,
            clock=now,
        )
        lease = held.enter_context(Lease(redis, TELLER, worker.transactional_id))
        teller = AlertTeller(book, lease, settings.bus, look_back_s=wanted.look_back_s, metrics=metrics)

        def dead() -> str | None:
            works = {
                "the subscriptions": watch.running,
                "the clock": ticker.running and ticker.beat_age_s <= settings.probes.max_tick_age_s,
                "dead letters": letters.running,
                "alerts to tell": teller.running,
            }
            unseen = next((what for what, running in works.items() if not running), None)
            asleep = None if unseen is None else f"nobody looks after {unseen} any more"
            return worker_dead(worker.health, settings.probes) or asleep

        def unready() -> str | None:
            unread = None if watch.snapshot is not None else "the subscriptions were not read yet"
            return worker_unready(worker.health) or unread

        for thread in (ticker, letters, teller):
            held.enter_context(thread)
        held.enter_context(probes(settings.probes, dead=dead, unready=unready))
        return run_worker(worker, stop, faults=faults)


@contextmanager
def _queues(settings: Settings, group: str) -> Iterator[tuple[Settled, Settled]]:
    """Until when every photo, and every verdict, is counted."""
    bus, wanted = settings.bus, settings.alerts
    admin = open_admin(bus)
    with (
        KafkaQueue(bus, admin, PartImage, wanted.crop_group) as images,
        KafkaQueue(bus, admin, PartCrop, wanted.score_group) as crops,
        KafkaQueue(bus, admin, Verdict, group) as judged,
        KafkaQueue(bus, admin, Verdict, group) as verdicts,
    ):
        yield Settled((images, crops, judged)), Settled((verdicts,))
