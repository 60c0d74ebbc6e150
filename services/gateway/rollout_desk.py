"""The registry for the gateway's event loop: what it refuses is a problem."""

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from services.gateway.problems import ProblemError
from services.gateway.redis_pool import RedisPool
from shared.registry.client import Registry
from shared.registry.errors import TransitionRejected, UnknownVersion

ResultT = TypeVar("ResultT")


class RolloutDesk:
    """Asks the registry. It connects when it is first asked, so that the gateway starts while Redis is away.

    Args:
        registry: is asked; the desk does not close it.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pool = RedisPool("registry")

    async def ask(self, work: Callable[[Registry], ResultT]) -> ResultT:
        """What `work` makes of the registry.

        Raises:
            ProblemError: 409 the step does not follow, 412 somebody else changed it, 422 a version is not registered,
                503 Redis is away, or too many ask.
        """
        try:
            return await self._pool.run(lambda: work(self._registry))
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
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
