"""Work beside the loop."""

import threading

import pytest

from shared.serving.background import Background


class Work(Background):
    """Works until it is stopped, or for ever."""

    def __init__(self, *, heeds: bool = True, stop_s: float = 30.0) -> None:
        super().__init__("work", stop_s=stop_s)
        self.began = threading.Event()
        self.let_go = threading.Event()
        self._heeds = heeds

    def _run(self) -> None:
        self.began.set()
        (self._stop if self._heeds else self.let_go).wait(60)


def test_it_works_for_the_length_of_the_block() -> None:
    """Not before, and not after."""
    work = Work()
    assert not work.running
    with work:
        assert work.began.wait(30)
        assert work.running
    assert not work.running


def test_it_ends_also_where_the_block_fails() -> None:
    """And the block's error goes on."""
    work = Work()
    with pytest.raises(ValueError, match="of the block"), work:
        raise ValueError("of the block")
    assert not work.running


def test_the_end_does_not_wait_for_ever() -> None:
    """What hangs is left behind, and is no reason for the process to live on."""
    work = Work(heeds=False, stop_s=0.05)
    with work:
        assert work.began.wait(30)
    assert work.running
    assert next(thread for thread in threading.enumerate() if thread.name == "work").daemon
    work.let_go.set()
