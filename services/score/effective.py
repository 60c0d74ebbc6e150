"""By which entry of the registry each key is judged: the newest one that can be judged by, and never a later one.

An entry of the registry comes into force when each version that it puts to work is loaded, or is known to be not
loadable. Until then the key's former entry stays in force as a whole, so that no verdict names a revision that it was
not judged by; a key that is new does not exist until then. An entry that is replaced before that never comes into
force: whoever replaced it took it back.
"""

import threading
import time
from collections.abc import Callable

from services.score.in_force import InForce
from services.score.model_metrics import ModelMetrics
from services.score.models import ModelShelf
from services.score.rank import Rank, Wanted, by_digest, ranked
from shared.events import Place
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot


class Effective:
    """The registry's state as far as it can be judged by. Thread-safe; no call waits for a load but `settle`.

    Args:
        shelf: told which versions are wanted, asked which are there.
        in_force: which version was last in force where: it stands in for a champion that cannot be loaded.
        metrics: told how long a change took.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        shelf: ModelShelf,
        in_force: InForce | None = None,
        *,
        metrics: ModelMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._in_force = in_force or InForce()
        self._metrics = metrics or ModelMetrics()
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._now = Snapshot()
        self._entries: dict[str, HeldAssignment] = {}
        self._pending: dict[str, HeldAssignment] = {}
        self._heard: dict[str, float] = {}
        """When each pending entry was heard of."""
        shelf.listen(self.refresh)

    def hear(self, latest: Snapshot) -> Snapshot:
        """Take the registry's latest state, begin to load what it lacks, and answer the state to judge by.

        What is known already costs next to nothing. A state that is older than the last one is not taken.
        """
        with self._lock:
            known = self._latest
            if latest is not known and (known is None or latest.revision >= known.revision):
                self._adopt(latest)
            self._advance()
            return self._now

    def refresh(self) -> None:
        """Put in force what can be judged by meanwhile: a load has ended, or time has passed."""
        with self._lock:
            self._advance()

    @property
    def latest(self) -> Snapshot | None:
        """The registry's latest state; None while it was never heard of."""
        return self._latest

    @property
    def now(self) -> Snapshot:
        """The state to judge by, as it stood at the last look."""
        return self._now

    @property
    def pending(self) -> frozenset[str]:
        """Keys whose latest entry is not in force yet."""
        with self._lock:
            return frozenset(self._pending)

    def knows(self, place: Place) -> bool:
        """Whether `place` is assigned at all, though perhaps not in force yet."""
        latest = self._latest
        return latest is not None and latest.resolve(place) is not None

    def settle(self, latest: Snapshot) -> Snapshot:
        """`hear`, and wait until everything that is wanted is loaded or failed: for the start, when no part waits."""
        self.hear(latest)
        self._shelf.wait()
        # Of a champion that failed only now it is known that another one stands in for it.
        self.hear(latest)
        self._shelf.wait()
        return self.hear(latest)

    def _adopt(self, latest: Snapshot) -> None:
        self._latest = latest
        there = latest.assignments
        self._entries = {key: held for key, held in self._entries.items() if key in there}
        before, heard, now = self._pending, self._heard, self._clock()
        self._pending = {key: held for key, held in there.items() if self._entries.get(key) != held}
        self._heard = {key: heard[key] if before.get(key) == held else now for key, held in self._pending.items()}
        self._build(latest)
        self._want(latest)

    def _advance(self) -> None:
        latest = self._latest
        if latest is None or not self._pending:
            return
        ready = [key for key, held in self._pending.items() if self._ready(held, latest)]
        if not ready:
            return
        for key in ready:
            self._entries[key] = self._pending.pop(key)
            self._metrics.in_force(self._clock() - self._heard.pop(key))
        self._build(latest)
        self._want(latest)

    def _ready(self, held: HeldAssignment, latest: Snapshot) -> bool:
        # A version that is not registered will not be loaded: that is a failure that is known.
        records = [latest.version(version) for version in held.record.versions()]
        return all(record is None or self._shelf.settled(record.digest) for record in records)

    def _build(self, latest: Snapshot) -> None:
        # An entry that is still in force may name a version that a restored registry has lost.
        known = {version for held in self._entries.values() for version in held.record.warm()}
        kept = {name: self._now.versions[name] for name in known & self._now.versions.keys()}
        self._now = latest.model_copy(
            update={"assignments": dict(self._entries), "versions": {**kept, **latest.versions}}
        )

    def _want(self, latest: Snapshot) -> None:
        wanted: list[Wanted] = []

        def add(record: VersionRecord | None, rank: Rank) -> None:
            if record is not None:
                wanted.append(Wanted(record, rank))

        for held in (*self._entries.values(), *self._pending.values()):
            for version, rank in ranked(held.record):
                add(latest.version(version) or self._now.version(version), rank)
        for key, held in self._entries.items():
            champion = self._now.version(held.record.champion)
            if champion is None or self._shelf.failure(champion.digest) is not None:
                add(self._in_force.last(PlaceKey(key)), Rank.GATE)
        self._shelf.want(by_digest(wanted))
