"""Answers by image id: bounded, waited for without blocking, and closed in order."""

import asyncio
import threading

from services.answers import DeadPhoto
from services.gateway.verdict_cache import Judged, VerdictCache, Visible

ANSWER = Judged("p-1", "munich", b"{}")


def everything(_plant: str | None) -> bool:
    """See all plants."""
    return True


def only(plant: str) -> Visible:
    """See one plant."""
    return lambda seen: seen == plant


def test_a_known_answer_is_there_at_once() -> None:
    """No waiting for what is known."""
    cache = VerdictCache(10)
    cache.put("a", ANSWER)
    assert asyncio.run(cache.wait("a", 0, everything)) is ANSWER


def test_an_unknown_answer_without_waiting_is_none() -> None:
    """`wait` of zero only looks."""
    assert asyncio.run(VerdictCache(10).wait("a", 0, everything)) is None


def test_a_waiter_is_woken_from_another_thread() -> None:
    """An answer put by the reader's thread reaches everyone who waits, and the loop serves others meanwhile."""

    async def scene() -> None:
        cache = VerdictCache(10)
        waiting = [asyncio.ensure_future(cache.wait("a", 60, everything)) for _ in range(3)]
        await asyncio.sleep(0)
        assert await cache.wait("b", 0, everything) is None
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
        assert await cache.wait("a", 0.01, everything) is None
        assert cache._waiters == {}

    asyncio.run(scene())


def test_a_caller_that_hangs_up_leaves_nothing_behind() -> None:
    """Cancelling one waiter does not disturb another on the same id."""

    async def scene() -> None:
        cache = VerdictCache(10)
        one, other = (asyncio.ensure_future(cache.wait("a", 60, everything)) for _ in range(2))
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
    assert [cache.get(str(index), everything) is not None for index in range(5)] == [False, False, True, True, True]


def test_a_verdict_outweighs_a_dead_letter() -> None:
    """Whatever the order in which two topics are read, a verdict stays a verdict."""
    cache, aside = VerdictCache(10), DeadPhoto("a", "broken", "linegate.images.dlq", "munich")
    cache.put("a", aside)
    cache.put("a", ANSWER)
    cache.put("a", aside)
    assert cache.get("a", everything) is ANSWER


def test_closing_sends_all_waiters_away() -> None:
    """A stopping gateway does not wait for verdicts, neither old callers nor new ones."""

    async def scene() -> None:
        cache = VerdictCache(10)
        waiting = asyncio.ensure_future(cache.wait("a", 60, everything))
        await asyncio.sleep(0)
        cache.close()
        assert await waiting is None
        assert await cache.wait("a", 60, everything) is None

    asyncio.run(scene())


def test_each_plant_has_its_own_answer_under_one_id() -> None:
    """Neither plant's answer takes the other's away, whichever comes last; who sees both gets the newest."""
    cache, other = VerdictCache(10), Judged("p-2", "puebla", b"[]")
    cache.put("a", ANSWER)
    cache.put("a", other)
    assert cache.get("a", only("munich")) is ANSWER
    assert cache.get("a", only("puebla")) is other
    assert cache.get("a", everything) is other
    assert cache.get("a", only("berlin")) is None
    assert len(cache) == 1


def test_a_foreign_answer_wakes_nobody() -> None:
    """Who may not see an answer waits on as if there were none, and still gets their own; so does an early one."""

    async def scene() -> None:
        cache, foreign = VerdictCache(10), Judged("p-2", "puebla", b"[]")
        cache.put("early", foreign)
        late, early, open_to_all = (
            asyncio.ensure_future(cache.wait("late", 60, only("munich"))),
            asyncio.ensure_future(cache.wait("early", 60, only("munich"))),
            asyncio.ensure_future(cache.wait("late", 60, everything)),
        )
        await asyncio.sleep(0)
        cache.put("late", foreign)
        assert await open_to_all is foreign
        assert not late.done()
        assert not early.done()
        cache.put("late", ANSWER)
        cache.put("early", ANSWER)
        assert await late is ANSWER
        assert await early is ANSWER
        assert cache._waiters == {}

    asyncio.run(scene())


def test_a_dead_letter_that_names_no_plant_is_for_those_who_see_all() -> None:
    """It may be anybody's."""
    cache, aside = VerdictCache(10), DeadPhoto("a", "broken", "linegate.images.dlq", None)
    cache.put("a", aside)
    assert cache.get("a", only("munich")) is None
    assert cache.get("a", everything) is aside
