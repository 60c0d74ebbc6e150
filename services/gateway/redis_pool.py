"""Redis for the gateway's event loop: off it, few at a time, and every failure a problem."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from services.gateway.preconditions import failed
from services.gateway.refusals import unavailable
from shared.registry.errors import RegistryUnavailable, RevisionConflict

THREADS: Final = 4
"""Of its own: while Redis hangs, photos must not wait for a thread."""
WAITING: Final = 32
_HINT: Final = "Retry after the time in Retry-After; the same request with the same If-Match is never made twice."
ResultT = TypeVar("ResultT")
_log = structlog.get_logger(__name__)


class RedisPool:
    """Threads that ask Redis.

    Args:
        name: of the threads.
    """

    def __init__(self, name: str) -> None:
        self._pool: Final = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._places: Final = threading.Semaphore(WAITING)

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """What `work` answers.

        Raises:
            ProblemError: 412 somebody else changed it, 503 Redis is away, or too many ask.
        """
        if not self._places.acquire(blocking=False):
            raise unavailable(
                "too-busy", "The gateway is busy", "Too many ask the registry at once.", hint=_HINT, retry_after=1
            )
        try:
            asked = self._pool.submit(work)
        except BaseException:
            self._places.release()
            raise
        # Not when the caller stops waiting: the thread is still taken.
        asked.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wrap_future(asked)
        except RegistryUnavailable as error:
            # The details name hosts and users: they are for the log.
            _log.error("the registry is away", error=str(error), hint=error.hint)
            raise unavailable(
                "registry-away",
                "The registry is not reachable",
                "Redis does not answer, or holds what is not understood.",
                hint=_HINT,
            ) from None
        except RevisionConflict as error:
            raise failed(error.found) from None

    def close(self) -> None:
        """Take no more questions; those under way are finished, each within the limit of `redis.timeout_s`."""
        self._pool.shutdown(cancel_futures=True)
