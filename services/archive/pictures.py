"""The pictures behind a verdict, from Kafka to the store."""

from typing import Final

import structlog

from services.archive.metrics import ArchiveMetrics
from shared.bus.step import DeadLetter
from shared.events import PartAnomalyMap, Verdict
from shared.evidence import EvidenceShelf, LiveEvidence, day_of, with_range
from shared.evidence.live import LiveName

PNG: Final = b"\x89PNG\r\n\x1a\n"
_NAMES: Final[tuple[LiveName, ...]] = ("photo", "crop")
_log = structlog.get_logger(__name__)


class PictureKeeper:
    """Keeps pictures. Thread-safe as far as its parts are.

    Args:
        shelf: where they go.
        live: where photo and crop come from.
        metrics: counts them.
    """

    def __init__(self, shelf: EvidenceShelf, live: LiveEvidence, metrics: ArchiveMetrics) -> None:
        self._shelf: Final = shelf
        self._live: Final = live
        self._metrics: Final = metrics

    def keep(self, verdict: Verdict) -> None:
        """Keep photo and crop of a verdict.

        What Kafka has no more is counted and logged: that is lost already, and waiting would not bring it back.

        Raises:
            StoreUnavailable: the store cannot be written.
            KafkaFailedError: Kafka does not show the records.
            PixelsUnavailable: the place that a photo by reference lies in cannot be reached.
        """
        for name in _NAMES:
            self._keep(verdict, name)

    def keep_map(self, event: PartAnomalyMap) -> DeadLetter | None:
        """Keep a map, with its range written into it.

        Raises:
            StoreUnavailable: the store cannot be written.
        """
        if event.pixels is None or not event.pixels.startswith(PNG):
            return DeadLetter("the map carries no PNG: maps are sent inline as 8-bit grey PNG (docs/events)")
        data = with_range(event.pixels, event.low, event.high)
        self._shelf.put(event.plant, day_of(event.captured), event.image, "map", data)
        self._metrics.picture(event.plant, "map")
        return None

    def _keep(self, verdict: Verdict, name: LiveName) -> None:
        event = self._live.event(verdict, name)
        if event is not None and event.mediatype is None:
            return  # no label was found, so there is no crop
        data = None if event is None else self._live.read(event)
        if event is None or event.mediatype is None or data is None:
            self._metrics.missing(verdict.plant, name)
            _log.warning(
                f"the {name} of a verdict is not in Kafka any more, or not to be read from here",
                image=verdict.image,
                plant=verdict.plant,
                lies_at=verdict.photo if name == "photo" else verdict.crop,
            )
            return
        day = day_of(verdict.captured)
        self._shelf.put(verdict.plant, day, verdict.image, name, data, mediatype=event.mediatype)
        self._metrics.picture(verdict.plant, name)
