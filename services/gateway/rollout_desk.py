"""The registry for the gateway's event loop: off it, few at a time, and every failure a problem."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog

from services.gateway.preconditions import failed
from services.gateway.problems import ProblemError
from shared.registry.client import Registry
from shared.registry.errors import RegistryUnavailable, RevisionConflict, TransitionRejected, UnknownVersion

THREADS: Final = 4
"""Of its own: while Redis hangs, photos must not wait for a thread."""
WAITING: Final = 32
RETRY_SECONDS: Final = 5
"""What `Retry-After` says when Redis is away."""
ResultT = TypeVar("ResultT")
_log = structlog.get_logger(__name__)


class RolloutDesk:
    """Asks the registry. It connects when it is first asked, so that the gateway starts while Redis is away.

    Args:
        registry: is asked; the desk does not close it.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pool = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="registry")
        self._places = threading.Semaphore(WAITING)

    async def ask(self, work: Callable[[Registry], ResultT]) -> ResultT:
        """What `work` makes of the registry.

        Raises:
            ProblemError: 409 the step does not follow, 412 somebody else changed it, 422 a version is not registered,
                503 Redis is away, or too many ask.
        """
        if not self._places.acquire(blocking=False):
            raise _unavailable("too-busy", "The gateway is busy", "Too many ask the registry at once.", retry_after=1)
        try:
            asked = self._pool.submit(work, self._registry)
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
            raise _unavailable(
                "registry-away",
                "The registry is not reachable",
                "Redis does not answer, or holds what is not understood.",
            ) from None
        except RevisionConflict as error:
            raise failed(error.found) from None
        except UnknownVersion as error:
            raise ProblemError(
                422,
                "version-unknown",
                "No such version",
                detail=f"{str(error)[0].upper()}{str(error)[1:]}.",
                hint="GET /v1/versions lists those that you may put to work.",
            ) from None
        except TransitionRejected as error:
            raise ProblemError(
                409,
                "step-rejected",
                "The step does not follow",
                detail=f"{str(error)[0].upper()}{str(error)[1:]}.",
                hint="GET the rollout to see where it stands; docs/rollout.md has the picture of the steps.",
            ) from None

    def close(self) -> None:
        """Take no more questions; those under way are finished, each within the limit of `redis.timeout_s`."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _unavailable(kind: str, title: str, detail: str, *, retry_after: int = RETRY_SECONDS) -> ProblemError:
    return ProblemError(
        503,
        kind,
        title,
        detail=detail,
        hint="Retry after the time in Retry-After; the same request with the same If-Match is never made twice.",
        retry_after=retry_after,
    )
