"""Work that may not fit in memory: halve the batch, go on, remember what fitted, and grow back."""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import structlog
import torch

from shared.faults import NO_FAULTS, FaultSink, Report

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
_log = structlog.get_logger(__name__)
_SIGNS: Final = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc")
"""What a plain RuntimeError of torch says when an allocation failed in its CPU allocator or in cuBLAS."""


def is_memory_error(error: BaseException) -> bool:
    """Whether an allocation failed, on the GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


class MemoryRoom:
    """How many pictures fit in memory at once. For one thread.

    Args:
        faults: told when a batch did not fit, and when batches are whole again.
        name: of the work, in messages.
        hold_s: how long a size that fitted is kept before twice as many are tried, in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        faults: FaultSink = NO_FAULTS,
        *,
        name: str = "scoring",
        hold_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._name = name
        self._hold = hold_s
        self._clock = clock
        self._limit: int | None = None
        self._too_many = 0
        """The size that last did not fit."""
        self._until = 0.0

    @property
    def limit(self) -> int | None:
        """Most items that are tried at once; None for any number."""
        return self._limit

    def map(self, items: Sequence[ItemT], work: Callable[[Sequence[ItemT]], Sequence[ResultT]]) -> list[ResultT]:
        """`work` on all items, in as few parts as fit; each part gives one result per item, in order.

        Raises:
            Exception: what `work` raised, where that was no lack of memory, or where a single item did not fit.
        """
        done: list[ResultT] = []
        while len(done) < len(items):
            part = items[len(done) : len(done) + self._size(len(items))]
            results = self._try(part, work)
            if results is None:
                # Only here, with the traceback gone, is the memory of the failed attempt free.
                _release()
                self._shrink(len(part))
            else:
                done.extend(results)
                self._fitted(len(part))
        return done

    def _size(self, wanted: int) -> int:
        if self._limit is not None and self._clock() >= self._until:
            self._limit *= 2
            self._until = self._clock() + self._hold
        return wanted if self._limit is None else self._limit

    def _try(
        self, part: Sequence[ItemT], work: Callable[[Sequence[ItemT]], Sequence[ResultT]]
    ) -> Sequence[ResultT] | None:
        try:
            return work(part)
        except (RuntimeError, MemoryError) as error:
            if not is_memory_error(error):
                raise
            self._tell(len(part), error)
            if len(part) == 1:
                raise
            return None

    def _shrink(self, size: int) -> None:
        self._limit = max(1, size // 2)
        self._too_many = size
        self._until = self._clock() + self._hold
        _log.warning("batch halved", work=self._name, did_not_fit=size, next=self._limit)

    def _fitted(self, size: int) -> None:
        if self._limit is not None and (size >= self._too_many or self._limit >= 2 * self._too_many):
            self._limit = None
            _log.info("batches are whole again", work=self._name)
        if self._limit is None:
            self._faults.cleared("out_of_memory", self._name)

    def _tell(self, size: int, error: BaseException) -> None:
        alone = size == 1
        what = "one picture alone does" if alone else f"{size} pictures at once do"
        self._faults.raised(
            Report(
                "out_of_memory",
                "critical" if alone else "error",
                f"{what} not fit in memory ({self._name}): {str(error).strip().splitlines()[0][:200]}",
                subject=self._name,
                hint="lower bus.max_events, see what else uses the memory, or take a model with a smaller input",
            )
        )


def _release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
