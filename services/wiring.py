"""What every worker's main needs beside its step: a watched registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.registry.client import Registry
from shared.registry.watcher import RegistryWatcher
from shared.settings import Settings


@contextmanager
def watched_registry(settings: Settings, worker: str) -> Iterator[RegistryWatcher]:
    """A running watcher with its last-known-good copy on disk.

    The worker starts even while Redis is away: by the copy of an earlier run, or holding its photos back.
    """
    cache = Path(settings.store.cache_dir) / f"registry-{worker}.json"
    watcher = RegistryWatcher(Registry(settings.redis), cache)
    watcher.start()
    try:
        watcher.wait_first(timeout=settings.redis.timeout_s * 2)
        yield watcher
    finally:
        watcher.stop()
