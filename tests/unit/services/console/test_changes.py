"""Browser tabs are told what changed, gathered, with what they missed, and no more than that."""

import asyncio
import threading
from collections.abc import Callable

from services.console.live.changes import Changed, Changes


async def some(changes: Changes, count: int, then: Callable[[int], None], since: str | None = None) -> list[Changed]:
    """The first `count` words to a follower of fails and lines at munich; `then` is called after each."""
    found = []
    sees = {None, "munich"}.__contains__
    async for word in changes.follow({"fails", "lines"}, sees, since=since, beat_s=0.05):
        found.append(word)
        if len(found) == count:
            break
        then(len(found))
    return found


def test_a_new_follower_asks_for_everything_and_then_hears_of_changes() -> None:
    """Of its topics and plants only; several in a moment are one word."""
    changes = Changes()

    def tell(number: int) -> None:
        if number == 1:
            for topic, plant in (("fails", "munich"), ("fails", "lyon"), ("alerts", None), ("fails", "munich")):
                changes.tell(topic, plant)  # type: ignore[arg-type]

    first, second, third = asyncio.run(some(changes, 3, tell))
    assert first.topics == ("lines", "fails")
    assert second.topics == ("fails",)
    assert third.topics == ()
    assert changes.followers == 0


def test_who_comes_back_is_told_what_was_missed() -> None:
    """By position; a position of another process's life says nothing."""
    changes = Changes()
    (word,) = asyncio.run(some(changes, 1, lambda _: None))
    changes.tell("lines", "munich")
    changes.tell("alerts")
    assert asyncio.run(some(changes, 1, lambda _: None, since=word.position))[0].topics == ("lines",)
    assert asyncio.run(some(changes, 1, lambda _: None, since="other-7"))[0].topics == ("lines", "fails")
    assert asyncio.run(some(Changes(), 1, lambda _: None, since=word.position))[0].topics == ("lines", "fails")


def test_a_change_from_a_thread_wakes_at_once() -> None:
    """The feed is a thread, and the beat far away."""
    changes = Changes()

    async def follow() -> Changed:
        async for word in changes.follow({"fails"}, lambda _: True, beat_s=3600):
            if word.topics == ("fails",) and word.position.endswith("-1"):
                return word
            threading.Thread(target=changes.tell, args=("fails", "munich")).start()
        raise AssertionError

    assert asyncio.run(asyncio.wait_for(follow(), 30)).topics == ("fails",)


def test_close_ends_every_follower() -> None:
    """An orderly end does not wait for browsers."""
    changes = Changes()

    async def follow() -> int:
        count = 0
        async for _ in changes.follow({"fails"}, lambda _: True, beat_s=3600):
            count += 1
            changes.close()
        return count

    assert asyncio.run(asyncio.wait_for(follow(), 30)) == 1
