"""Calls that are waited for only so long."""

import threading
import weakref

import pytest

from shared.bus.bounded import BoundedCaller, CallStuck

LONG = 60.0


class Thing:
    """Something that must not be kept alive."""


def test_it_answers_and_raises_what_the_call_does() -> None:
    """As if it had been called here; and always on the same other thread."""
    caller = BoundedCaller("calls")
    threads = {caller(threading.current_thread, LONG).name for _ in range(3)}
    assert threads == {"calls"}
    with pytest.raises(ZeroDivisionError):
        caller(lambda: 1 / 0, LONG)
    assert caller(lambda: 7, LONG) == 7
    caller.close()


def test_a_call_that_does_not_return_is_left_behind() -> None:
    """The caller goes on; the thread ends by itself once the call returns."""
    caller = BoundedCaller("calls")
    thread = caller(threading.current_thread, LONG)
    release = threading.Event()
    with pytest.raises(CallStuck):
        caller(release.wait, 0.01)
    caller.close()
    assert thread.is_alive()
    release.set()
    thread.join(LONG)
    assert not thread.is_alive()


def test_nothing_of_a_call_is_kept_alive() -> None:
    """A producer is destroyed when its last reference goes: none may stay with the idle thread."""
    caller = BoundedCaller("calls")
    thing = Thing()
    seen = weakref.ref(thing)
    for call in (lambda thing=thing: thing, lambda thing=thing: 1 / len(str(thing)) and None):
        caller(call, LONG)
    del call, thing
    caller(lambda: None, LONG)
    assert seen() is None
    caller.close()
