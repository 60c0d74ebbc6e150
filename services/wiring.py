"""What every worker's main needs beside its step: a watched registry."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.registry.client import Registry
from shared.registry.snapshot import Snapshot
from shared.registry.watcher import RegistryWatcher
from shared.settings import Settings


@contextmanager
def watched_registry(
    settings: Settings, worker: str, *, changed: Callable[[Snapshot], None] | None = None
) -> Iterator[RegistryWatcher]:
    """A running watcher with its last-known-good copy on disk.

    The worker starts even while Redis is away: by the copy of an earlier run, or holding its photos back.

    Args:
        settings: of the process.
        worker: whose copy it is.
        changed: called from the watcher's thread with every new state of the registry.
    """
    cache = Path(settings.store.cache_dir) / f"registry-{worker}.json"
    with Registry(settings.redis) as registry, RegistryWatcher(registry, cache, changed=changed) as watcher:
        watcher.wait_first(timeout=settings.redis.timeout_s * 2)
        yield watcher
