"""The whole job of the alert worker, at Kafka and at Redis."""

import time
import uuid
from datetime import timedelta

from services.alert.dead_letters import LetterMark
from services.alert.desk_watcher import DeskWatcher
from services.alert.firing import Firing
from services.alert.metrics import AlertMetrics
from services.alert.places import LastSeen, RedisPlaces
from services.alert.scripts import TELLER
from services.alert.series.on_redis import RedisSeries
from services.alert.series.series import Addition, SeriesKey
from services.alert.standing_faults import RedisStanding
from services.alert.step import AlertStep
from services.alert.telling.lease import Lease
from services.alert.telling.teller import TRANSACTIONAL_ID
from services.alert.telling.told import read_told
from services.alert.ticking.closing import Closing
from services.alert.ticking.kafka_queue import KafkaQueue
from services.alert.ticking.missing import Missing, Moments
from services.alert.ticking.tending import Tending
from shared.alerts import life
from shared.alerts.book import AlertBook
from shared.alerts.conditions import EachFail
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.records import Group, Trigger
from shared.bus.clients import open_admin
from shared.bus.envelope import encode
from shared.bus.errors import KafkaFailedError
from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.bus.reader import EventReader
from shared.bus.record import OutgoingRecord
from shared.bus.settings import BusSettings
from shared.bus.transactions import Transactions
from shared.events import AlertChanged, Fault, PartCrop, PartImage, Place, Verdict, now
from shared.settings import RedisSettings
from tests.integration.transport import jobs
from tests.unit.services.alert.keeping_suite import COUNTS, seen
from tests.unit.services.alert.memory import MemoryBook, MemoryPlaces, MemorySeries, MemoryStanding
from tests.unit.services.alert.parts import fault, snapshot, subscription


def alert_job(bus: BusSettings, superuser: BusSettings) -> None:
    """Count a verdict, see whether photos and crops wait, read letters, tell a step and know that it was told."""
    photo = jobs.an_image("waits")
    jobs.publish(superuser, photo, jobs.a_crop(photo))
    with jobs.quiet():
        admin = open_admin(bus)
        for event, group in ((PartImage, "crop"), (PartCrop, "score"), (Verdict, "alert")):
            with KafkaQueue(bus, admin, event, group) as queue:
                _looks(queue, waits=event is not Verdict)
        with EventReader(bus, (), start="earliest", dead_letters_of=(PartImage, PartCrop)) as reader:
            list(reader.read_to_end(patience=jobs.PATIENCE))
        change = _a_change()
        transactions = Transactions(bus, TRANSACTIONAL_ID)
        try:
            transactions.start()
            transactions.publish([encode(change)], {}, None)
        finally:
            transactions.close()
        assert change.id in read_told(bus, now() - timedelta(minutes=5))
        jobs.publish(bus, jobs.a_fault("alert"))
        _counts(bus, superuser)


def _looks(queue: KafkaQueue, *, waits: bool) -> None:
    deadline = time.monotonic() + jobs.PATIENCE
    while True:
        try:
            ends = queue.ends()
            queue.passed(ends)
            assert not (queue.passed(ends) and waits)
        except KafkaFailedError:
            # The coordinator of a broker that has just come up needs a moment.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _counts(bus: BusSettings, superuser: BusSettings) -> None:
    book = MemoryBook()
    known = snapshot(subscription(EachFail(), scope="*"))
    step = AlertStep(
        lambda: known,
        series=MemorySeries(),
        places=MemoryPlaces(),
        standing=MemoryStanding(),
        firing=Firing(book, oldest_s=86_400, clock=now, metrics=AlertMetrics()),
        clock=now,
    )
    passed = jobs.a_verdict(jobs.a_crop(jobs.an_image("good")))
    checks = (passed.checks[0].model_copy(update={"result": "fail", "score": 3.0}),)
    failed = passed.model_copy(update={"decision": "fail", "checks": checks})
    with jobs.Observer(superuser, (), (Verdict, Fault)) as observer:
        jobs.publish(superuser, failed)
        broken = [_break(superuser, kind) for kind in (Verdict, Fault)]
        worker = Worker(step, consumes=(Verdict, Fault), name="alert", settings=bus)
        with jobs.working(worker) as check:
            observer.wait({(f"{kind.TOPIC}.dlq", one) for kind, one in broken}, check)
            deadline = time.monotonic() + jobs.PATIENCE
            while failed.image not in [one for ids in book.counted.values() for one in ids]:
                check()
                assert time.monotonic() < deadline
                time.sleep(0.02)
        for _ in range(2):
            _break(superuser, Verdict)
        jobs._floods(step, (Verdict, Fault), "alert", bus)
        jobs._go_on(superuser, "linegate.verdicts.dlq")


def _break(superuser: BusSettings, kind: type[Verdict] | type[Fault]) -> tuple[type[Verdict] | type[Fault], str]:
    name = f"broken-{uuid.uuid4().hex}"
    headers = {"specversion": "1.0", "type": kind.TYPE, "source": "/test", "id": name}
    named = tuple((f"ce_{header}", text.encode()) for header, text in headers.items())
    with EventPublisher(superuser) as publisher:
        publisher.publish_record(OutgoingRecord(kind.TOPIC, b"k", b"no JSON", named)).result(jobs.PATIENCE)
    return kind, name


def _a_change() -> AlertChanged:
    trigger = Trigger(id=uuid.uuid4().hex, group=Group(plant="munich"), summary="x", time=now())
    return life.fire(subscription(EachFail()), trigger, muted=None, at=now()).changed("fired", by="test", at=now())


def alert_redis_job(settings: RedisSettings) -> None:
    """Everything but Kafka: series are kept and decided, an alert fires, is looked after and told."""
    mine = subscription(EachFail(), "fails", resolve_after_s=0.001)
    metrics, at = AlertMetrics(), now()
    with (
        AlertBook(settings) as book,
        SubscriptionDesk(settings) as desk,
        RedisSeries(settings) as series,
        RedisPlaces(settings) as places,
        RedisStanding(settings) as standing,
        LetterMark(settings) as mark,
        Lease(settings, TELLER, "test") as lease,
    ):
        watch = DeskWatcher(desk)
        known = watch.reload(force=True)
        firing = Firing(book, oldest_s=60, clock=now, metrics=metrics)
        group = Group(plant="munich", line=f"l{uuid.uuid4().hex}")
        key = SeriesKey.of(mine, group)
        series.add([Addition(key, seen(n, n), COUNTS) for n in range(3)])
        assert len(series.latest(key, at, 2)) == 2
        assert series.counts(key)[0]
        series.decided(key, seen(0, 2).time, context=1, counts_from=(1, 1))
        Closing(series, firing).look(known, at)
        series.forget(key)
        place = Place(plant="munich", line="line-1")
        places.saw([(place, LastSeen(at, at))])
        places.watched_since("fails:d", at)
        places.forget([place])
        standing.put(fault())
        standing.remove([one.key for one in standing.all()])
        mark.note(at)
        assert mark.read() is not None
        assert lease.hold()
        assert lease.hold()
        since = book.latest_log_entry()
        for number in range(2):
            fired = [Trigger(id=f"{group.line}-{number}", group=group, summary="x", time=now())]
            firing.fire(known, mine, fired)
        missing = Missing(places, firing, forget_days=1)
        tending = Tending(book, watch, standing, missing, keep_closed_days=1e-9, clock=now, metrics=metrics)
        tending.look(Moments(now(), now()))
        assert book.wait_for_log(since, 1.0)
        assert book.log(since)
        lease.let_go()
