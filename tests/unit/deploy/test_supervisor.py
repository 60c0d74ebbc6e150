"""Workers that end are started again, more and more patiently, and not for ever."""

import pytest

from deploy.local.process import ServerFailedError
from deploy.local.supervisor import LONGEST_SECONDS, MOST_RESTARTS, WITHIN_SECONDS, Supervisor


class Program:
    """A process that runs or not, as a test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = True
        self.starts = 1

    def start_again(self) -> None:
        """Run."""
        self.running = True
        self.starts += 1

    def stop(self) -> None:
        """It has ended."""

    def tail(self) -> str:
        """The log."""
        return f"\n{self.name} failed: out of memory\n\n"


class World:
    """Two programs, a clock, and what was told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.crop, self.score = Program("linegate crop"), Program("linegate score")
        self.told: list[str] = []
        self.supervisor = Supervisor(
            {"crop": self.crop, "score": self.score}, told=self.told.append, clock=lambda: self.now
        )

    def until_started(self) -> float:
        """Seconds until crop is started again."""
        begin = self.now
        while True:
            self.supervisor.look()
            if self.crop.running:
                return self.now - begin
            self.now += 0.5


def test_what_runs_is_left_alone() -> None:
    """Nothing is done and nothing told."""
    world = World()
    world.supervisor.look()
    assert (world.crop.starts, world.told) == (1, [])


def test_the_pause_doubles_and_the_reason_is_told() -> None:
    """And no other process is touched."""
    world = World()
    pauses = []
    for _ in range(MOST_RESTARTS):
        world.crop.running = False
        pauses.append(world.until_started())
    assert pauses == [min(LONGEST_SECONDS, 2.0**n) for n in range(MOST_RESTARTS)]
    assert world.told[0] == (
        "linegate crop ended by itself; it is started again in 1 s (linegate crop failed: out of memory)"
    )
    assert world.told[1] == "linegate crop was started again"
    assert world.score.starts == 1


def test_it_gives_up_loudly_on_one_that_keeps_ending() -> None:
    """With the end of its log."""
    world = World()
    for _ in range(MOST_RESTARTS):
        world.crop.running = False
        world.until_started()
    world.crop.running = False
    with pytest.raises(ServerFailedError, match=r"linegate crop ended 6 times in 300 s(.|\n)*out of memory"):
        world.supervisor.look()


def test_old_ends_are_forgotten() -> None:
    """A worker that ends once an hour is started again for ever, and at once."""
    world = World()
    for _ in range(MOST_RESTARTS * 3):
        world.crop.running = False
        assert world.until_started() == 1.0
        world.now += WITHIN_SECONDS
