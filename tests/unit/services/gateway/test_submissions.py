"""Each id is published once within the window, however clients retry."""

import asyncio
from concurrent.futures import Future

import pytest

from services.gateway.submissions import BacklogError, IdReusedError, Submissions
from shared.events import PartImage, now


def everything(_plant: str) -> bool:
    """See all plants."""
    return True


def photo(image: str = "a", plant: str = "munich") -> PartImage:
    """An event under the id `image`."""
    return PartImage(
        id=image, part="p", plant=plant, line="l1", captured=now(), mediatype="image/jpeg", pixels=b"\xff\xd8\xff"
    )


class Wire:
    """A publisher in memory whose acknowledgements the test decides."""

    def __init__(self) -> None:
        self.sent: list[PartImage] = []
        self.acknowledgements: list[Future[object]] = []

    def publish(self, event: PartImage) -> Future[object]:
        """Take the event; its future stays open."""
        self.sent.append(event)
        self.acknowledgements.append(Future())
        return self.acknowledgements[-1]


def test_a_retry_after_the_acknowledgement_is_not_published_again() -> None:
    """The second request is answered from the window."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)
        for _ in range(2):
            attempt = asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything))
            await asyncio.sleep(0)
            if not wire.acknowledgements[0].done():
                wire.acknowledgements[0].set_result(None)
            await attempt
        assert len(wire.sent) == 1
        assert submissions.knows("a", everything)

    asyncio.run(scene())


def test_a_retry_while_the_first_is_under_way_shares_its_fate() -> None:
    """A client that gave up waiting and retries finds the first attempt, not a second one."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)
        with pytest.raises(TimeoutError):
            await submissions.submit(photo(), "f", timeout_s=0.01, visible=everything)
        assert not wire.acknowledgements[0].cancelled()
        retry = asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything))
        await asyncio.sleep(0)
        wire.acknowledgements[0].set_result(None)
        await retry
        assert len(wire.sent) == 1

    asyncio.run(scene())


def test_a_client_that_hangs_up_does_not_cancel_the_attempt() -> None:
    """Cancelling one request leaves the publishing to those that wait for the same id."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)
        one, other = (
            asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything)) for _ in range(2)
        )
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        wire.acknowledgements[0].set_result(None)
        await other
        assert len(wire.sent) == 1

    asyncio.run(scene())


def test_after_a_failure_the_id_is_free() -> None:
    """A photo that Kafka refused may be tried again under its id, even if nobody was waiting when it failed."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)
        with pytest.raises(TimeoutError):
            await submissions.submit(photo(), "f", timeout_s=0.01, visible=everything)
        wire.acknowledgements[0].set_exception(RuntimeError("broker away"))
        assert not submissions.knows("a", everything)
        retry = asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything))
        await asyncio.sleep(0)
        wire.acknowledgements[1].set_result(None)
        await retry
        assert len(wire.sent) == 2

    asyncio.run(scene())


def test_an_id_for_another_photo_is_refused() -> None:
    """One id is one photo."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)
        first = asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything))
        await asyncio.sleep(0)
        wire.acknowledgements[0].set_result(None)
        await first
        with pytest.raises(IdReusedError):
            await submissions.submit(photo(), "g", timeout_s=60, visible=everything)

    asyncio.run(scene())


def test_the_window_is_bounded() -> None:
    """The oldest id is forgotten first."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=2, backlog=1000)
        for image in "abc":
            attempt = asyncio.ensure_future(submissions.submit(photo(image), "f", timeout_s=60, visible=everything))
            await asyncio.sleep(0)
            wire.acknowledgements[-1].set_result(None)
            await attempt
        assert [submissions.knows(image, everything) for image in "abc"] == [False, True, True]

    asyncio.run(scene())


def test_the_backlog_is_bounded_in_bytes() -> None:
    """While Kafka is away photos do not pile up; acknowledged ones make room, and a retry under way needs none."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=7)  # two photos of three bytes
        attempts = [
            asyncio.ensure_future(submissions.submit(photo(image), "f", timeout_s=60, visible=everything))
            for image in "ab"
        ]
        await asyncio.sleep(0)
        with pytest.raises(BacklogError):
            await submissions.submit(photo("c"), "f", timeout_s=60, visible=everything)
        assert not submissions.knows("c", everything)
        attempts.append(asyncio.ensure_future(submissions.submit(photo("a"), "f", timeout_s=60, visible=everything)))
        wire.acknowledgements[0].set_result(None)
        await asyncio.sleep(0)
        attempts.append(asyncio.ensure_future(submissions.submit(photo("c"), "f", timeout_s=60, visible=everything)))
        await asyncio.sleep(0)
        for acknowledgement in wire.acknowledgements[1:]:
            acknowledgement.set_result(None)
        await asyncio.gather(*attempts)
        assert [event.id for event in wire.sent] == ["a", "b", "c"]

    asyncio.run(scene())


def test_plants_do_not_share_their_ids() -> None:
    """One plant's photo takes no id away from another's, and shows it nothing; who sends for both is told."""

    async def scene() -> None:
        wire = Wire()
        submissions = Submissions(wire.publish, capacity=10, backlog=1000)

        def only_puebla(plant: str) -> bool:
            return plant == "puebla"

        attempts = [asyncio.ensure_future(submissions.submit(photo(), "f", timeout_s=60, visible=everything))]
        await asyncio.sleep(0)
        assert not submissions.knows("a", only_puebla)
        foreign = submissions.submit(photo(plant="puebla"), "g", timeout_s=60, visible=only_puebla)
        attempts.append(asyncio.ensure_future(foreign))
        await asyncio.sleep(0)
        assert submissions.knows("a", only_puebla)
        for acknowledgement in wire.acknowledgements:
            acknowledgement.set_result(None)
        await asyncio.gather(*attempts)
        assert [event.plant for event in wire.sent] == ["munich", "puebla"]
        with pytest.raises(IdReusedError):
            await submissions.submit(photo(plant="berlin"), "f", timeout_s=60, visible=everything)

    asyncio.run(scene())
