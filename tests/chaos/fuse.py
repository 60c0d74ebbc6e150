"""How a worker process kills itself at a named point: the conductor arms the fuse, the point burns it.

Only test processes have one. It sits where the product meets the client library (producer, consumer), around the step
and around the loading of a model; the product itself knows nothing of it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, TypeAlias

from confluent_kafka import Consumer, Producer, TopicPartition

from shared.bus import clients, intake, processing, transactions
from tests.chaos.plan import Point

FLUSH_S: Final = 3.0
Callback: TypeAlias = Callable[[Consumer, list[TopicPartition]], None]


@dataclass(frozen=True, slots=True)
class Arm:
    """An order to die."""

    point: Point
    passes: int
    delay: float


@dataclass(frozen=True, slots=True)
class Assigned:
    """The worker's word that it owns so many partitions."""

    partitions: int


Word: TypeAlias = Assigned | Point
"""What a worker tells the conductor; a point is its last word."""


class Fuse:
    """One process's fuse.

    Args:
        line: to the conductor: takes `Arm` orders (None disarms), tells `Word`s.
        arm: armed from birth.
    """

    def __init__(self, line: Connection, arm: Arm | None) -> None:
        self._line = line
        self._arm = arm
        self._left = arm.passes if arm is not None else 0
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="fuse", daemon=True).start()

    def tell(self, word: Word) -> None:
        """Tell the conductor."""
        with self._lock:
            self._line.send(word)

    def blow(self, point: Point) -> None:
        """Die now."""
        self.tell(point)
        os.kill(os.getpid(), signal.SIGKILL)

    def due(self, point: Point) -> float | None:
        """Count a pass of `point`; the delay in seconds when it is the last one, else None."""
        with self._lock:
            if self._arm is None or self._arm.point is not point:
                return None
            self._left -= 1
            if self._left > 0:
                return None
            delay, self._arm = self._arm.delay, None
            return delay

    def at(self, point: Point) -> None:
        """Pass a point without length."""
        if self.due(point) is not None:
            self.blow(point)

    @contextmanager
    def within(self, point: Point, *, after: Point | None = None) -> Iterator[None]:
        """Pass a point with length: the process dies the delay later, or at its end (which counts as `after`)."""
        delay = self.due(point)
        if delay is not None:
            threading.Thread(target=self._blow_after, args=(delay, point), daemon=True).start()
        yield
        if delay is not None:
            self.blow(after or point)

    def _blow_after(self, delay: float, point: Point) -> None:
        time.sleep(delay)
        self.blow(point)

    def _listen(self) -> None:
        while True:
            try:
                arm: Arm | None = self._line.recv()
            except (EOFError, OSError):
                # The conductor is gone, and nothing of its making may outlive it.
                os.kill(os.getpid(), signal.SIGKILL)
                return
            with self._lock:
                self._arm, self._left = arm, arm.passes if arm is not None else 0


def install(fuse: Fuse) -> None:
    """Put the fuse's points into this process."""

    class FusedProducer(Producer):
        def init_transactions(self, *arguments: Any, **more: Any) -> None:
            super().init_transactions(*arguments, **more)
            fuse.at(Point.AT_START)

        def send_offsets_to_transaction(self, *arguments: Any, **more: Any) -> None:
            if fuse.due(Point.AFTER_PRODUCE) is not None:
                self.flush(FLUSH_S)  # on the broker's disk, not only in our queue
                fuse.blow(Point.AFTER_PRODUCE)
            super().send_offsets_to_transaction(*arguments, **more)
            fuse.at(Point.AFTER_SEND_OFFSETS)

        def commit_transaction(self, *arguments: Any, **more: Any) -> None:
            with fuse.within(Point.DURING_COMMIT, after=Point.AFTER_COMMIT):
                super().commit_transaction(*arguments, **more)
            fuse.at(Point.AFTER_COMMIT)

    class FusedConsumer(Consumer):
        def subscribe(
            self,
            topics: list[str],
            on_assign: Callback | None = None,
            on_revoke: Callback | None = None,
            on_lost: Callback | None = None,
        ) -> None:
            if on_assign is None or on_revoke is None:
                raise TypeError("a consumer with a group of ours looks after its partitions")

            def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
                on_assign(consumer, partitions)
                fuse.tell(Assigned(len(partitions)))

            def revoked(consumer: Consumer, partitions: list[TopicPartition]) -> None:
                with fuse.within(Point.MID_REVOKE):
                    on_revoke(consumer, partitions)

            super().subscribe(topics, on_assign=assigned, on_revoke=revoked, on_lost=on_lost)

    replace_client("Producer", FusedProducer)
    replace_client("Consumer", FusedConsumer)
    _fence(fuse, Point.IN_STEP, processing.Processor, "__call__")


def install_model_swap(fuse: Fuse) -> None:
    """Put the point of a model's loading into this process; a score worker's only."""
    from services.score import models

    _fence(fuse, Point.MID_MODEL_SWAP, models, "parse_bundle")


def _fence(fuse: Fuse, point: Point, owner: object, name: str) -> None:
    """Make a call of `owner.name` a point with length."""
    real = getattr(owner, name)

    def fenced(*arguments: Any, **more: Any) -> Any:
        with fuse.within(point):
            return real(*arguments, **more)

    _replace(owner, name, fenced)


def replace_client(name: str, fused: type) -> None:
    """Have the bus make its clients of this class, in whichever of its modules it makes them."""
    makers = [module for module in (clients, intake, transactions) if hasattr(module, name)]
    if not makers:
        raise AttributeError(f"the bus makes no {name} any more: the chaos harness has to follow the product")
    for module in makers:
        setattr(module, name, fused)


def client_class(name: str) -> Any:
    """The class that the bus makes its clients of now."""
    return next(getattr(module, name) for module in (clients, intake, transactions) if hasattr(module, name))


def _replace(owner: object, name: str, value: object) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"{owner} has no {name} any more: the chaos harness has to follow the product")
    setattr(owner, name, value)
