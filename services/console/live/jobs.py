"""Jobs of the training service, as its topics tell of them, in bounded memory."""

import threading
from typing import Final

from shared.bus.reader import Read
from shared.training_jobs.views import JobView, fold, in_order

MAX_JOBS: Final = 500
"""Jobs that are over beyond so many are forgotten, the oldest first."""


class JobBook:
    """Fed by the thread that reads Kafka, asked by those that answer requests.

    Args:
        max_jobs: most jobs kept.
    """

    def __init__(self, max_jobs: int = MAX_JOBS) -> None:
        self._max: Final = max_jobs
        self._views: Final[dict[str, JobView]] = {}
        self._lock: Final = threading.Lock()

    def take(self, read: Read) -> JobView | None:
        """Take one record into account; answers the job that it is about, or None."""
        with self._lock:
            view = fold(self._views, read)
            if view is not None and len(self._views) > self._max * 1.25:
                # What is under way comes first in that order, so it is what is over that goes.
                for gone in in_order(self._views.values())[self._max :]:
                    del self._views[gone.job]
            return view

    def jobs(self) -> list[JobView]:
        """Running ones first, then what waits in the order in which it will be begun, then what is over."""
        with self._lock:
            return [
                JobView(view.job, view.request, view.progress, view.result, view.refusal)
                for view in in_order(self._views.values())
            ]
