"""The notify worker as a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from services.notify.courier import Courier
from services.notify.dispatcher import Dispatcher
from services.notify.metrics import NotifyMetrics
from services.notify.record import Recorder
from services.notify.senders import sending
from services.notify.sweep import sweep
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.faults import FaultSink
from shared.probes import probes
from shared.serving.wiring import fault_reporter
from shared.settings import ProbesSettings, Settings


def main(settings: Settings, stop: threading.Event) -> int:
    """Deliver alerts until `stop` is set; answers the exit status.

    Raises:
        LinegateError: the probes' address cannot be listened on.
    """
    with fault_reporter(settings, "notify") as faults, dispatching(settings, faults) as dispatcher:
        limits = settings.probes
        with probes(limits, dead=lambda: _dead(dispatcher, limits), unready=lambda: _unready(dispatcher)):
            dispatcher.run(stop)
    return 0


@contextmanager
def dispatching(settings: Settings, faults: FaultSink) -> Iterator[Dispatcher]:
    """All that delivers, put together; its `run` does the work."""
    with (
        Outbox(settings.redis) as outbox,
        SubscriptionDesk(settings.redis) as desk,
        sending(settings, desk, faults) as send,
    ):
        metrics = NotifyMetrics()
        courier = Courier(outbox, desk, send)
        yield Dispatcher(
            outbox,
            courier.attempt,
            Recorder(outbox, settings.notify, metrics=metrics).record,
            settings.notify,
            sweep=partial(sweep, outbox, desk),
            faults=faults,
            metrics=metrics,
        )


def _dead(dispatcher: Dispatcher, limits: ProbesSettings) -> str | None:
    age = dispatcher.beat_age_s
    return f"the loop has not gone round for {age:.0f} s" if age > limits.max_tick_age_s else None


def _unready(dispatcher: Dispatcher) -> str | None:
    return None if dispatcher.answers else "Redis does not answer"
