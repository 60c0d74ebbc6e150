"""Tell every change of an assignment on Kafka, in order, at least once: also those that people made."""

from datetime import timedelta
from typing import Any, Final

import structlog
from pydantic import ValidationError

from services.rollout.changes import change_id, changed, just_before
from services.rollout.told import Told
from shared.bus.publisher import EventPublisher, PublishFailed
from shared.events import now
from shared.registry.client import Registry
from shared.registry.errors import RegistryError
from shared.registry.records import AuditEntry
from shared.serving.background import Background

WAIT_SECONDS: Final = 0.5
"""Longest wait for the audit stream at a time, so that `stop` is quick."""
RETRY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
PAGE: Final = 100
_log = structlog.get_logger(__name__)


class ChangeTeller(Background):
    """Follows the audit stream on a thread of its own, for the length of a `with` block.

    Where it goes on after a restart is read back from the topic: an event's time is its entry's place in the stream.
    An entry is passed over only once Kafka has its event, so none is lost; one that Kafka had taken when the process
    was killed before it knew is told again under the same id.

    Args:
        registry: whose audit is told.
        publisher: to Kafka.
        told: what the topic holds already.
        look_back_s: where it holds nothing, changes of so many latest seconds are told.
    """

    def __init__(self, registry: Registry, publisher: EventPublisher, told: Told, *, look_back_s: float) -> None:
        super().__init__("change-teller", stop_s=STOP_SECONDS)
        self._registry = registry
        self._publisher = publisher
        self._told = told.changes
        start = told.last_change or now() - timedelta(seconds=look_back_s)
        self._position = just_before(start)
        self._hurdle: str | None = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._registry.wait_for_change(self._position, WAIT_SECONDS):
                    for entry in self._registry.audit(self._position, PAGE):
                        if self._stop.is_set():
                            return
                        self._tell(entry)
                        self._position = entry.stream_id
                self._hurdle = None
            except (RegistryError, PublishFailed) as away:
                self._cannot(away)
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - a thread that died would tell nothing, and nobody would know
                _log.exception("telling changes failed; it goes on")
                self._stop.wait(RETRY_SECONDS)

    def _tell(self, entry: AuditEntry) -> None:
        if change_id(entry.stream_id) in self._told:
            return
        try:
            event = changed(entry)
        except ValidationError as error:
            # It stays in the audit. Waiting for it to be understood would hold up all that come after.
            _log.error("a change cannot be told", entry=entry.stream_id, key=entry.key, reason=error.error_count())
            return
        if event is not None:
            self._publisher.publish(event).result()

    def _cannot(self, error: Any) -> None:
        if str(error) != self._hurdle:
            self._hurdle = str(error)
            _log.warning("changes cannot be told yet", reason=self._hurdle, hint=error.hint)
