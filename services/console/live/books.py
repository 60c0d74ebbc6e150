"""What the pages of rollouts and training look at: filled while the console runs."""

from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from services.console.live.changes import Changes
from services.console.live.follow import Follower
from services.console.live.jobs import JobBook
from services.console.live.trials import TrialBook
from shared.bus.reader import EventReader, Read
from shared.events import ShadowVerdict, Verdict, now
from shared.registry.client import Registry
from shared.registry.place_key import WILDCARD
from shared.registry.watcher import RegistryWatcher
from shared.settings import Settings
from shared.training_jobs.views import open_reader, plant_of


class Books:
    """Fills its books from `__enter__` to `__exit__`, on threads of its own. Kafka and Redis may be away meanwhile.

    Args:
        settings: of the process.
        registry: asked which trials there are; the books do not close it.
        changes: told when jobs or assignments change.
    """

    def __init__(self, settings: Settings, registry: Registry, changes: Changes) -> None:
        self._settings: Final = settings
        self._changes: Final = changes
        # Without a copy on the disk: nothing is judged by what a console knows.
        self._watcher: Final = RegistryWatcher(registry, changed=lambda _: changes.tell("rollouts"))
        self._running: Final = ExitStack()
        self.trials: Final = TrialBook(lambda: self._watcher.snapshot)
        self.jobs: Final = JobBook()

    def __enter__(self) -> Self:
        bus, hours = self._settings.bus, timedelta(hours=self._settings.console.history_h)

        def verdicts() -> EventReader:
            return EventReader(bus, (Verdict, ShadowVerdict), start=now() - hours)

        with ExitStack() as stack:
            # The registry first: without it nobody knows which verdicts are about a trial.
            stack.enter_context(self._watcher)
            self._watcher.wait_first(self._settings.redis.timeout_s * 2)
            stack.enter_context(Follower("trials", verdicts, self.trials.take))
            stack.enter_context(Follower("jobs", lambda: open_reader(bus, "earliest"), self._job))
            self._running.push(stack.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _job(self, read: Read) -> None:
        view = self.jobs.take(read)
        if view is not None:
            plant = plant_of(view)
            self._changes.tell("training", None if plant == WILDCARD else plant)
