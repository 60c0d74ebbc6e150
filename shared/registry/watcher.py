"""Follow the registry from a background thread; keep the last known good while Redis is away."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from shared.faults import NO_FAULTS, FaultSink, Report
from shared.faults.disk import tell_disk
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable
from shared.registry.last_known_good import read_copy, write_copy
from shared.registry.snapshot import Snapshot

_log = structlog.get_logger(__name__)
_SLICE_S: Final = 0.5
"""Longest wait for the change feed at a time, so that `stop` is quick."""


class RegistryWatcher:
    """The registry's latest state, always at hand.

    A change arrives through the audit stream within milliseconds; a full read every `poll_s` covers what the stream
    may have missed. While Redis is away, the last known good stays in force, marked stale. Should Redis come back with
    *older* data (a restored backup, a failover that lost writes), the last known good stays as well: rolling a plant
    back to a former model is a decision for people.

    Args:
        registry: what to follow; the watcher does not close it.
        cache_file: where the last known good is kept for the next start; None keeps none.
        poll_s: time between two full reads, in seconds.
        changed: called from the watcher's thread with every snapshot of a new revision.
        faults: told when Redis is away, when it comes back with older data, and when that is over.
    """

    def __init__(
        self,
        registry: Registry,
        cache_file: Path | None = None,
        *,
        poll_s: float = 5.0,
        changed: Callable[[Snapshot], None] | None = None,
        faults: FaultSink = NO_FAULTS,
    ) -> None:
        self._registry = registry
        self._cache_file = cache_file
        self._poll_s = poll_s
        self._changed = changed
        self._faults = faults
        self._snapshot: Snapshot | None = None
        self._first = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: str | None = None
        """What was said last about a fault, so that it is said once and not every poll."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest state; None while nothing was ever known. Lock-free: reading a reference is atomic."""
        return self._snapshot

    def start(self) -> None:
        """Load the last known good, if any, and begin to follow."""
        if self._cache_file is not None:
            self._snapshot = read_copy(self._cache_file)
        self._thread = threading.Thread(target=self._follow, name="registry-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End following; returns when the thread is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def wait_first(self, timeout: float) -> bool:
        """Wait until Redis answered once, or failed to while a last known good is at hand. Whether it came to that."""
        return self._first.wait(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                fresh = self._registry.snapshot()
                self._take(fresh)
                self._wait(fresh.position)
            except RegistryUnavailable as away:
                self._away(str(away), away.hint)
                self._stop.wait(min(1.0, self._poll_s))
            except Exception as fault:  # noqa: BLE001 - a thread that died would leave a snapshot that looks fresh for ever
                _log.exception("registry watcher failed; it goes on")
                self._away(repr(fault), None)
                self._stop.wait(min(1.0, self._poll_s))

    def _wait(self, position: str) -> None:
        slices = max(1, round(self._poll_s / _SLICE_S))
        for _ in range(slices):
            if self._stop.is_set() or self._registry.wait_for_change(position, self._poll_s / slices):
                return

    def _take(self, fresh: Snapshot) -> None:
        known = self._snapshot
        if known is not None and fresh.revision < known.revision:
            self._older(known.revision, fresh.revision)
            return
        self._faults.cleared("registry_away")
        self._faults.cleared("registry_older")
        if self._told is not None:
            _log.info("registry is back", revision=fresh.revision)
            self._told = None
        self._snapshot = fresh
        self._first.set()
        if known is None or known.revision != fresh.revision or known.stale:
            self._keep(fresh)
        if known is None or known.revision != fresh.revision:
            self._tell(fresh)

    def _away(self, reason: str, hint: str | None) -> None:
        known = self._snapshot is not None
        # Which data it comes back with is not known while it is away.
        self._faults.raised(
            Report(
                "registry_away",
                "error" if known else "critical",
                f"{reason}; {'the last known good stays in force' if known else 'photos wait, nothing is known yet'}",
                hint=hint,
            )
        )
        self._lost(reason, hint=hint)

    def _older(self, known: int, found: int) -> None:
        reason = f"the registry went back from revision {known} to {found}; the newer state stays in force"
        copy = "" if self._cache_file is None else f" (this worker's own copy is such a file: {self._cache_file})"
        hint = (
            f"`linegate registry import FILE --replace --above {known}` restores it{copy}; or accept its state: stop "
            "the workers and remove their copies"
        )
        self._faults.cleared("registry_away")
        self._faults.raised(Report("registry_older", "error", reason, hint=hint))
        self._lost(f"{reason}. {hint[0].upper()}{hint[1:]}", severe=True)

    def _lost(self, reason: str, *, hint: str | None = None, severe: bool = False) -> None:
        known = self._snapshot
        if known is not None:
            self._snapshot = known if known.stale else known.model_copy(update={"stale": True})
            self._first.set()
        if reason != self._told:
            (_log.error if severe else _log.warning)(
                "registry is away", reason=reason, hint=hint, last_known_good=known is not None
            )
            self._told = reason

    def _keep(self, snapshot: Snapshot) -> None:
        if self._cache_file is None:
            return
        failure: OSError | None = None
        try:
            write_copy(self._cache_file, snapshot)
        except OSError as error:
            _log.exception("last known good not written", file=str(self._cache_file), reason=error.strerror)
            failure = error
        tell_disk(self._faults, f"registry copy {self._cache_file}", failure)

    def _tell(self, snapshot: Snapshot) -> None:
        if self._changed is None:
            return
        try:
            self._changed(snapshot)
        except Exception:  # noqa: BLE001 - the listener's fault must not end the following
            _log.exception("registry listener failed", revision=snapshot.revision)
