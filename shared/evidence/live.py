"""Pictures straight from Kafka, by the places that a verdict names, as long as Kafka keeps their records."""

import threading
from typing import Final, Literal, Self

from shared.bus.envelope import EnvelopeRejected, decode
from shared.bus.fetch import RecordFetcher
from shared.bus.settings import BusSettings
from shared.events import PartCrop, PartImage, PixelEvent
from shared.evidence.place import Pictured
from shared.images import ImageRejected
from shared.pixels import PixelSource
from shared.settings.sections import ImageSettings, NetworkSettings

LiveName = Literal["photo", "crop"]
_TYPES: Final[dict[LiveName, type[PartImage] | type[PartCrop]]] = {"photo": PartImage, "crop": PartCrop}


class LiveEvidence:
    """Fetches photos and crops by their records' places. Thread-safe: one consumer, one fetch at a time.

    A context manager; the consumer is opened with the first fetch.

    Args:
        bus: of Kafka.
        images: limits, and where pictures by reference may lie. Without, those by reference are not found.
        network: which hosts they may lie on.
    """

    def __init__(
        self, bus: BusSettings, images: ImageSettings | None = None, network: NetworkSettings | None = None
    ) -> None:
        self._bus: Final = bus
        self._pixels: Final = PixelSource(images or ImageSettings(), network)
        self._lock: Final = threading.Lock()
        self._fetcher: RecordFetcher | None = None

    def get(self, of: Pictured, name: LiveName) -> bytes | None:
        """The encoded picture; None where Kafka has it no more, or the verdict does not say where it lies.

        Raises:
            KafkaFailedError: Kafka does not answer.
            PixelsUnavailable: the place that a photo by reference lies in cannot be reached.
        """
        event = self.event(of, name)
        return None if event is None or event.mediatype is None else self.read(event)

    def read(self, event: PixelEvent) -> bytes | None:
        """The picture that an event carries or names; None where it is not what was judged, or not to be read here.

        Raises:
            PixelsUnavailable: the place that it lies in cannot be reached.
        """
        try:
            return self._pixels.read(event)
        except ImageRejected:
            return None

    def event(self, of: Pictured, name: LiveName) -> PixelEvent | None:
        """The event that carries or names the picture; None where Kafka has it no more.

        Raises:
            KafkaFailedError: Kafka does not answer.
        """
        wanted = _TYPES[name]
        lies_at = of.photo if name == "photo" else of.crop
        if lies_at is None:
            return None
        partition, offset = (int(part) for part in lies_at.split("@"))
        with self._lock:
            if self._fetcher is None:
                self._fetcher = RecordFetcher(self._bus)
            record = self._fetcher.fetch(wanted.TOPIC, partition, offset)
        if record is None:
            return None
        try:
            event = decode(record, (wanted,))
        except EnvelopeRejected:
            return None
        # A topic that was made anew has other records at the same places.
        image = event.image if isinstance(event, PartCrop) else event.id
        return event if isinstance(event, PixelEvent) and image == of.image else None

    def close(self) -> None:
        """End."""
        with self._lock:
            if self._fetcher is not None:
                self._fetcher.close()
                self._fetcher = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
