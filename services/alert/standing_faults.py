"""Faults that are there now; kept in Redis, so that every worker knows when one is over."""

from collections.abc import Iterable
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from services.alert import scripts
from shared.events import Fault
from shared.registry.connection import Connected
from shared.registry.failures import faults

_log = structlog.get_logger(__name__)


class Standing(Protocol):
    """Keeps faults. Every call may raise `RegistryUnavailable`."""

    def put(self, fault: Fault) -> None:
        """A fault is there, or still there."""
        ...

    def remove(self, keys: Iterable[str]) -> None:
        """Faults that are over."""
        ...

    def all(self) -> list[Fault]:
        """All that are there; one whose `expires` has passed is over."""
        ...


class RedisStanding(Connected):
    """See `Standing`. Thread-safe."""

    def put(self, fault: Fault) -> None:
        """See `Standing.put`."""
        with faults(changing=True):
            self._redis.hset(scripts.FAULTS, fault.key, fault.model_dump_json())

    def remove(self, keys: Iterable[str]) -> None:
        """See `Standing.remove`."""
        gone = list(keys)
        if gone:
            with faults(changing=True):
                self._redis.hdel(scripts.FAULTS, *gone)

    def all(self) -> list[Fault]:
        """See `Standing.all`."""
        with faults():
            found: Any = self._redis.hgetall(scripts.FAULTS)
        standing = []
        for key, text in found.items():
            try:
                standing.append(Fault.model_validate_json(text))
            except ValidationError:
                _log.error("a fault is not understood", key=key, hint="was it written by a newer version?")
        return standing
