"""Carries a plan out: each fault at its time, on the real processes; whatever is due at once happens at once."""

import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from deploy.local.kafka import KafkaBroker
from deploy.local.process import ServerFailedError
from deploy.local.redis import RedisServer
from tests.chaos.fuse import Arm
from tests.chaos.marks import Marks
from tests.chaos.models import Models
from tests.chaos.photos import PLANTS
from tests.chaos.plan import (
    BrokerRestart,
    Fault,
    Kill,
    NetworkFault,
    Plan,
    Point,
    RedisRestart,
    Stop,
    Swap,
    Visit,
)
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Servers
from tests.chaos.supervisor import Life, Slot, Supervisor

SERVING_S: Final = 60.0
"""How long a fault waits for its victim to be at work."""
ARMED_S: Final = 25.0
"""How long an armed worker may take to pass its point; then it is killed wherever it is."""
DEATH_S: Final = 30.0
TRIES: Final = 4
HANDS: Final = 24
"""Faults under way at once."""


class Conductor:
    """Inflicts faults.

    Args:
        servers: running.
        supervisor: running.
        models: set up.
        session_s: the groups' session time-out in seconds.
        marks: receives what was done.
    """

    def __init__(
        self, servers: Servers, supervisor: Supervisor, models: Models, *, session_s: float, marks: Marks
    ) -> None:
        self._servers = servers
        self._supervisor = supervisor
        self._models = models
        self._session_s = session_s
        self._marks = marks
        self._locks = {name: threading.Lock() for name in ("kafka", "redis", "kafka-network", "redis-network")}
        self._stop = threading.Event()

    def stop(self) -> None:
        """Begin no more faults."""
        self._stop.set()

    def run(self, plan: Plan) -> None:
        """Carry out the plan, from now on; returns when its last fault is over and all is healed."""
        started = time.monotonic()
        with ThreadPoolExecutor(HANDS, thread_name_prefix="fault") as hands:
            running: list[tuple[Fault, Future[None]]] = []
            for fault in plan.faults:
                if self._stop.wait(max(0.0, started + fault.at - time.monotonic())):
                    break
                running.append((fault, hands.submit(self._inflict, fault)))
            for fault, future in running:
                if (error := future.exception()) is not None:
                    self._marks.trouble.append(f"{fault}: {error!r}")
        self._strike_missed(plan)

    def _strike_missed(self, plan: Plan) -> None:
        """Strike the points again that every kill meant for them has missed, while there is traffic."""
        for point in dict.fromkeys(fault.point for fault in plan.faults if isinstance(fault, Kill)):
            for fault in (f for f in plan.faults if isinstance(f, Kill) and f.point is point):
                if self._marks.details("sigkill")[point] or self._stop.is_set():
                    break
                self._inflict(fault)

    def _inflict(self, fault: Fault) -> None:
        match fault:
            case Kill():
                self._kill(fault)
            case Stop():
                self._freeze(fault)
            case BrokerRestart(hard=hard, away=away):
                with self._locks["kafka"], self._marks.lasting("broker_restart", _how(hard), "kafka"):
                    _restart(self._servers.broker, self._servers.kafka_proxy, hard=hard, away=away)
            case RedisRestart(hard=hard, away=away):
                with self._locks["redis"], self._marks.lasting("redis_restart", _how(hard), "redis"):
                    _restart(self._servers.redis, self._servers.redis_proxy, hard=hard, away=away)
            case NetworkFault():
                self._spoil_network(fault)
            case Visit(role=role, seconds=seconds):
                guest = self._supervisor.guest(role)
                with guest.lock, self._marks.lasting("visit", "joins and leaves", guest.name):
                    _arrive(guest)
                    time.sleep(seconds)
                    guest.close()
                    guest.join()
            case Swap(plant=number):
                self._swap(number)

    def _swap(self, number: int) -> None:
        with self._marks.lasting("model_swap", "new version", PLANTS[number]):
            self._models.swap(PLANTS[number])

    def _spoil_network(self, fault: NetworkFault) -> None:
        proxy = self._servers.kafka_proxy if fault.server == "kafka" else self._servers.redis_proxy
        victim = None if fault.victim is None else f"{fault.victim[0]}-{fault.victim[1]}"
        detail = f"{fault.server} {fault.weather}{'' if victim is None else ' for one'}"
        with (
            self._locks[f"{fault.server}-network"],
            self._marks.lasting("network_fault", detail, victim or fault.server),
        ):
            proxy.change(fault.weather, victim)
            try:
                time.sleep(fault.seconds)
            finally:
                proxy.change(None)

    def _freeze(self, fault: Stop) -> None:
        slot = self._supervisor.resident(fault.role, fault.number)
        with slot.lock:
            for _ in range(TRIES):
                life = slot.wait_serving(SERVING_S)
                if life is None:
                    continue
                start = time.time()
                life.signal(signal.SIGSTOP)
                time.sleep(self._session_s + fault.beyond)
                survived = not life.dead.is_set()
                life.signal(signal.SIGCONT)
                if survived:
                    self._marks.add("sigstop", "past the session", slot.name, start=start)
                    return
        raise RuntimeError(f"{slot.name} could not be frozen")

    def _kill(self, fault: Kill) -> None:
        """Kill the victim at the fault's point; where it dies of something else first, its successor."""
        if fault.guest:
            guest = self._supervisor.guest(fault.role)
            with guest.lock:
                if self._kill_leaving(guest, fault):
                    return
        slot = self._supervisor.resident(fault.role, fault.number)
        with slot.lock:
            for _ in range(TRIES):
                # One that starts up cannot pass a point in its work; killed it can be all the same.
                life = slot.wait_serving(SERVING_S) or slot.life
                if life is not None and self._strike(slot, life, fault):
                    return
        raise RuntimeError(f"{slot.name} could not be killed")

    def _strike(self, slot: Slot, life: Life, fault: Kill) -> bool:
        if life.dead.is_set():
            time.sleep(1.0)
            return False
        arm = Arm(fault.point, fault.passes, fault.delay)
        victim = life
        if fault.point is Point.ANYWHERE:
            time.sleep(fault.delay)
        elif fault.point is Point.AT_START:
            slot.arm_next(arm)
            life.signal(signal.SIGTERM)
            successor = slot.wait_next(life, DEATH_S + SERVING_S)
            if successor is None:
                return False
            victim = successor
            victim.dead.wait(ARMED_S)
        elif fault.point is Point.MID_REVOKE:
            self._make_room(life, arm, fault)
        else:
            life.arm(arm)
            if fault.point is Point.MID_MODEL_SWAP:
                self._swap(fault.number % len(PLANTS))
            life.dead.wait(ARMED_S)
        if fault.point is not Point.ANYWHERE and not victim.dead.is_set():
            victim.signal(signal.SIGUSR1)
            time.sleep(0.2)  # it writes its stacks into its log
        victim.signal(signal.SIGKILL)
        victim.dead.wait(DEATH_S)
        return self._count(slot, victim)

    def _make_room(self, life: Life, arm: Arm, fault: Kill) -> None:
        """A guest joins, so that the victim has to give partitions away."""
        guest = self._supervisor.guest(fault.role)
        with guest.lock:
            life.arm(arm)
            _arrive(guest)
            life.dead.wait(ARMED_S)
            guest.close()
            guest.join()

    def _kill_leaving(self, guest: Slot, fault: Kill) -> bool:
        """A guest is killed while it hands back what it has."""
        visitor = _arrive(guest)
        if visitor is not None:
            visitor.arm(Arm(fault.point, fault.passes, fault.delay))
        guest.close()
        guest.join()
        return visitor is not None and self._count(guest, visitor)

    def _count(self, slot: Slot, victim: Life) -> bool:
        if victim.status != -signal.SIGKILL:
            return False
        self._marks.add("sigkill", victim.struck or Point.ANYWHERE, slot.name)
        return True


def _arrive(guest: Slot) -> Life | None:
    guest.open()
    return guest.wait_serving(SERVING_S)


def _restart(server: KafkaBroker | RedisServer, proxy: Proxy, *, hard: bool, away: float) -> None:
    """To clients past the proxy, the server is away as long as it is: connections are refused."""
    proxy.refuse(True)
    try:
        (server.kill if hard else server.stop)()
        time.sleep(away)
        _start(server)
    finally:
        proxy.refuse(False)


def _start(server: KafkaBroker | RedisServer) -> None:
    """On a starved machine a broker may need more than its time to read its logs again; it is helped up, then."""
    for left in reversed(range(TRIES)):
        try:
            server.start()
        except ServerFailedError:
            if not left:
                raise
        else:
            return


def _how(hard: bool) -> str:
    return "kill -9" if hard else "in order"
