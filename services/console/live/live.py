"""What the pages know of the present."""

from typing import Final

from services.console.live.changes import Changes
from shared.settings import Settings


class Live:
    """Filled by a thread that follows Kafka; read by pages on any thread.

    Args:
        settings: of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self.changes: Final = Changes()
        self._named: Final = frozenset(settings.plants.named)

    def plants(self) -> frozenset[str]:
        """Every plant that is known: named in the settings, or seen in an event."""
        return self._named
