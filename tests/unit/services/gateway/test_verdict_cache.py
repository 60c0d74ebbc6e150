"""Answers by image id: bounded, waited for without blocking, and closed in order."""

import asyncio
import threading

from services.answers import DeadPhoto
from services.gateway.verdict_cache import Judged, VerdictCache

ANSWER = Judged("p-1", b"{}")


def test_a_known_answer_is_there_at_once() -> None:
    """No waiting for what is known."""
    cache = VerdictCache(10)
    cache.put("a", ANSWER)
    assert asyncio.run(cache.wait("a", 0)) is ANSWER


def test_an_unknown_answer_without_waiting_is_none() -> None:
    """`wait` of zero only looks."""
    assert asyncio.run(VerdictCache(10).wait("a", 0)) is None


def test_a_waiter_is_woken_from_another_thread() -> None:
    """An answer put by the reader's thread reaches everyone who waits, and the loop serves others meanwhile."""

    async def scene() -> None:
        cache = VerdictCache(10)
        waiting = [asyncio.ensure_future(cache.wait("a", 60)) for _ in range(3)]
        await asyncio.sleep(0)
        assert await cache.wait("b", 0) is None
        thread = threading.Thread(target=cache.put, args=("a", ANSWER))
        thread.start()
        assert await asyncio.gather(*waiting) == [ANSWER] * 3
        thread.join()
        assert cache._waiters == {}

    asyncio.run(scene())


def test_a_wait_that_runs_out_is_none_and_leaves_nothing_behind() -> None:
    """Callers who gave up cost no memory."""

    async def scene() -> None:
        cache = VerdictCache(10)
        assert await cache.wait("a", 0.01) is None
        assert cache._waiters == {}

    asyncio.run(scene())


def test_a_caller_that_hangs_up_leaves_nothing_behind() -> None:
    """Cancelling one waiter does not disturb another on the same id."""

    async def scene() -> None:
        cache = VerdictCache(10)
        one, other = (asyncio.ensure_future(cache.wait("a", 60)) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        cache.put("a", ANSWER)
        assert await other is ANSWER
        assert cache._waiters == {}

    asyncio.run(scene())


def test_the_oldest_goes_first() -> None:
    """The cache never holds more than its capacity."""
    cache = VerdictCache(3)
    for index in range(5):
        cache.put(str(index), ANSWER)
    assert len(cache) == 3
    assert [cache.get(str(index)) is not None for index in range(5)] == [False, False, True, True, True]


def test_a_verdict_outweighs_a_dead_letter() -> None:
    """Whatever the order in which two topics are read, a verdict stays a verdict."""
    cache, aside = VerdictCache(10), DeadPhoto("a", "broken", "linegate.images.dlq")
    cache.put("a", aside)
    cache.put("a", ANSWER)
    cache.put("a", aside)
    assert cache.get("a") is ANSWER


def test_closing_sends_all_waiters_away() -> None:
    """A stopping gateway does not wait for verdicts, neither old callers nor new ones."""

    async def scene() -> None:
        cache = VerdictCache(10)
        waiting = asyncio.ensure_future(cache.wait("a", 60))
        await asyncio.sleep(0)
        cache.close()
        assert await waiting is None
        assert await cache.wait("a", 60) is None

    asyncio.run(scene())
