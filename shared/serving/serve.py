"""Run one worker in the foreground until it is told to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from shared.settings import Settings, load_settings
from shared.telemetry import configure

Main = Callable[[Settings, threading.Event], int]
_log = structlog.get_logger(__name__)


def serve(name: str, main: Main) -> int:
    """Run `main` with this process's settings until SIGTERM or SIGINT; answers the exit status.

    The first signal asks the worker to finish what it has begun; a second one ends the process at once, as usual.

    Raises:
        LinegateError: the settings are wrong, or the worker cannot go on.
    """
    settings = load_settings()
    stop = threading.Event()
    with configure(name, settings.telemetry), _signals_set(stop):
        _log.info("started", worker=name, kafka=settings.bus.bootstrap_servers)
        status = main(settings, stop)
        _log.info("stopped", worker=name, status=status)
    return status


@contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_signal(number: int, _frame: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        stop.set()
        restore()

    for number in numbers:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()
