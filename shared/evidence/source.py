"""Pictures for people, wherever they are: in the store for long, in Kafka for as long as it keeps them."""

from typing import Final

from shared.evidence.live import LiveEvidence
from shared.evidence.place import EvidenceName, Pictured, day_of
from shared.evidence.shelf import EvidenceShelf
from shared.store.errors import StoreUnavailable


class EvidenceSource:
    """Finds the pictures of a verdict. Thread-safe.

    Args:
        shelf: asked first.
        live: asked where the shelf has nothing, as right after the verdict. Without, only the shelf is asked.
    """

    def __init__(self, shelf: EvidenceShelf, live: LiveEvidence | None = None) -> None:
        self._shelf: Final = shelf
        self._live: Final = live

    def get(self, of: Pictured, name: EvidenceName) -> bytes | None:
        """The encoded picture; None where there is none, or none any more.

        A map is in the store only: whoever needs it at once follows `linegate.maps` itself.

        Raises:
            StoreUnavailable: the store does not answer, and Kafka does not have the picture.
            KafkaFailedError: the store does not have it, and Kafka does not answer.
            PixelsUnavailable: the place that a photo by reference lies in cannot be reached.
        """
        away: StoreUnavailable | None = None
        try:
            data = self._shelf.get(of.plant, day_of(of.captured), of.image, name)
        except StoreUnavailable as error:
            data, away = None, error
        if data is None and self._live is not None and name != "map":
            data = self._live.get(of, name)
        if data is None and away is not None:
            raise away
        return data
