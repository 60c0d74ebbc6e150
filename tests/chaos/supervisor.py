"""Keeps the workers alive: starts each again when it dies, and knows what became of every life."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Self

from tests.chaos.fuse import Arm, Assigned, Word
from tests.chaos.plan import RESIDENTS, ROLES, Point, Role
from tests.chaos.without_transactions import Delivery
from tests.chaos.worker import BROKEN, Order, context, work

RESTART_S: Final = 0.3
STOP_S: Final = 90.0
"""Longest orderly end: the loop's budgets, and room for a starved machine."""
POLL_S: Final = 0.1
_spawning = threading.Lock()
"""`multiprocessing` reaps children of its own accord; two threads may not do so at once."""


class Life:
    """One process of a worker, from fork to death."""

    def __init__(self, order: Order) -> None:
        self.line, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=work, args=(order, theirs), daemon=True)
        with _spawning:
            self._process.start()
        theirs.close()
        pid = self._process.pid
        if pid is None:
            raise RuntimeError("a started process has an id")
        self.pid: Final = pid
        self.serving = threading.Event()
        """It has had partitions."""
        self.dead = threading.Event()
        self.struck: Point | None = None
        """The point at which it killed itself."""
        self.status: int | None = None
        self.stopped = False
        """By SIGSTOP, for now."""

    def arm(self, arm: Arm | None) -> None:
        """Order a death, or take the order back."""
        with suppress(OSError):
            self.line.send(arm)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        # Not reaped before `follow` has returned, so the id is still its own.
        if not self.dead.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def follow(self) -> None:
        """Listen until it is dead."""
        with suppress(EOFError, OSError):
            while True:
                self._hear(self.line.recv())
        while self.status is None:
            with _spawning:
                self._process.join(POLL_S)
                self.status = self._process.exitcode
        self.line.close()
        self.dead.set()

    def _hear(self, word: Word) -> None:
        if isinstance(word, Assigned):
            if word.partitions:
                self.serving.set()
        else:
            self.struck = word


@dataclass(slots=True)
class Exits:
    """How lives ended."""

    orderly: int = 0
    killed: int = 0
    gave_up: int = 0
    """The product ended itself with a line that says why; a restart goes on."""
    broken: list[str] = field(default_factory=list)
    """Errors that the product did not foresee: the name of the worker and the exit status."""


class Slot:
    """A worker's place: one life after the other.

    Args:
        name: e.g. `crop-0`; its `client.id` begins so.
        order: what each life is; its settings lack what differs from life to life.
        keeps_name: whether every life has the same instance name, as in a StatefulSet.
        again: whether a dead one is started again.
    """

    def __init__(self, name: str, order: Order, *, keeps_name: bool, again: bool, exits: Exits) -> None:
        self.name: Final = name
        self.lock = threading.Lock()
        """Held by whoever hurts it."""
        self.life: Life | None = None
        self._order = order
        self._keeps_name = keeps_name
        self._again = again
        self._exits = exits
        self._lives = 0
        self._closing = threading.Event()
        self._arm_next: Arm | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start the first life."""
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def arm_next(self, arm: Arm) -> None:
        """Arm the next life from birth."""
        self._arm_next = arm

    def wait_serving(self, patience: float) -> Life | None:
        """The present life once it has partitions; None when that did not come about."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            life = self.life
            if life is not None and not life.dead.is_set() and life.serving.wait(POLL_S) and not life.dead.is_set():
                return life
            if life is None or life.dead.is_set():
                time.sleep(POLL_S)
        return None

    def wait_next(self, life: Life, patience: float) -> Life | None:
        """The life after `life`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.life is not life and self.life is not None:
                return self.life
            time.sleep(POLL_S)
        return None

    def close(self) -> None:
        """No more lives; the present one ends in order."""
        self._closing.set()
        if self.life is not None:
            self.life.signal(signal.SIGCONT)
            self.life.signal(signal.SIGTERM)

    def join(self) -> None:
        """Wait for the end after `close`; a life that does not end is killed, and counts as broken."""
        if self._thread is None:
            return
        self._thread.join(STOP_S)
        if self._thread.is_alive() and self.life is not None:
            self._exits.broken.append(f"{self.name} did not end within {STOP_S:.0f} s of SIGTERM")
            self.life.signal(signal.SIGKILL)
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._lives += 1
            name = f"{self.name}.{self._lives}"
            more = {"LINEGATE_BUS__EXTRA": f'{{"client.id": "{name}"}}', "LINEGATE_TELEMETRY__INSTANCE": name}
            more |= {"LINEGATE_BUS__INSTANCE": self.name} if self._keeps_name else {}
            arm, self._arm_next = self._arm_next, None
            order = Order(
                self._order.role, {**self._order.environment, **more}, self._order.log, self._order.delivery, arm
            )
            self.life = Life(order)
            if self._closing.is_set():  # `close` may have come a moment before there was a life
                self.life.signal(signal.SIGTERM)
            self.life.follow()
            self._note(name, self.life.status)
            if not self._again:
                return
            self._closing.wait(RESTART_S)

    def _note(self, name: str, status: int | None) -> None:
        if status == 0:
            self._exits.orderly += 1
        elif status == -signal.SIGKILL:
            self._exits.killed += 1
        elif status == 1:
            self._exits.gave_up += 1
        else:
            how = "an unforeseen error" if status == BROKEN else f"exit status {status}"
            self._exits.broken.append(f"{name}: {how}")


class Supervisor:
    """All workers, for the length of a `with` block.

    Args:
        environment: the settings of every worker.
        logs: one file per slot.
        delivery: transactions, or a control without.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path, delivery: Delivery) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.exits: Final = Exits()
        self._residents: dict[tuple[Role, int], Slot] = {}
        self._guests: dict[Role, Slot] = {}
        for role in ROLES:
            # Both occur in the field: names that last (StatefulSet), and a new one each time (Deployment).
            for number in range(RESIDENTS):
                name = f"{role}-{number}"
                order = Order(role, environment, logs / f"{name}.log", delivery)
                self._residents[role, number] = Slot(
                    name, order, keeps_name=number % 2 == 0, again=True, exits=self.exits
                )
            order = Order(role, environment, logs / f"{role}-guest.log", delivery)
            self._guests[role] = Slot(f"{role}-guest", order, keeps_name=False, again=False, exits=self.exits)

    def __enter__(self) -> Self:
        for slot in self._residents.values():
            slot.open()
        return self

    def __exit__(self, *_: object) -> None:
        """End all in order."""
        slots = [*self._residents.values(), *self._guests.values()]
        for slot in slots:
            slot.close()
        for slot in slots:
            slot.join()

    def resident(self, role: Role, number: int) -> Slot:
        """A worker that is always there."""
        return self._residents[role, number]

    def guest(self, role: Role) -> Slot:
        """A worker that comes and goes."""
        return self._guests[role]

    def wait_serving(self, patience: float) -> None:
        """Wait until every resident has partitions.

        Raises:
            RuntimeError: one did not get any, or broke.
        """
        deadline = time.monotonic() + patience
        for slot in self._residents.values():
            while slot.wait_serving(1.0) is None:
                if self.exits.broken:
                    raise RuntimeError(f"{self.exits.broken[0]}; see its log")
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{slot.name} got no partitions within {patience:.0f} s; see its log")
