"""Wire the alert step to the bus; beside it the teller."""

import threading

from services.alert.firing import Firing
from services.alert.known import WishWatch
from services.alert.lease import Lease
from services.alert.metrics import AlertMetrics
from services.alert.places import RedisPlaces
from services.alert.series_redis import RedisSeries
from services.alert.series_scripts import TELLER
from services.alert.standing import RedisStanding
from services.alert.step import AlertStep
from services.alert.teller import AlertTeller
from shared.alerts.book import AlertBook
from shared.alerts.desk import SubscriptionDesk
from shared.bus.loop import Worker
from shared.events import Fault, Verdict, now
from shared.probes import probes
from shared.serving.wiring import fault_reporter, run_worker
from shared.serving.worker_probes import worker_dead, worker_unready
from shared.settings import Settings

NAME = "alert"


def main(settings: Settings, stop: threading.Event) -> int:
    """Run an alert worker until `stop` is set; answers the exit status."""
    wanted, metrics = settings.alerts, AlertMetrics()
    with (
        fault_reporter(settings, NAME) as faults,
        AlertBook(settings.redis) as book,
        SubscriptionDesk(settings.redis) as desk,
        RedisSeries(settings.redis) as series,
        RedisPlaces(settings.redis) as places,
        RedisStanding(settings.redis) as standing,
        WishWatch(desk) as watch,
    ):
        firing = Firing(book, oldest_s=wanted.oldest_s, clock=now, metrics=metrics)
        step = AlertStep(
            lambda: watch.wishes,
            series=series,
            places=places,
            standing=standing,
            firing=firing,
            lateness_s=wanted.lateness_s,
            clock=now,
        )
        worker = Worker(step, consumes=(Verdict, Fault), name=NAME, settings=settings.bus)
        with (
            Lease(settings.redis, TELLER, worker.transactional_id) as lease,
            AlertTeller(book, lease, settings.bus, look_back_s=wanted.look_back_s, metrics=metrics) as teller,
        ):

            def dead() -> str | None:
                unread = None if watch.running else "subscriptions are no longer read"
                untold = None if teller.running else "alerts are no longer told"
                return worker_dead(worker.health, settings.probes) or unread or untold

            def unready() -> str | None:
                unread = None if watch.wishes is not None else "the subscriptions were not read yet"
                return worker_unready(worker.health) or unread

            with probes(settings.probes, dead=dead, unready=unready):
                return run_worker(worker, stop, faults=faults)
