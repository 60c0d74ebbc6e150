"""The encoded pixels of an event: inline, or fetched by `dataref` from an allowed place, and verified."""

from shared.pixels.fetch import PixelsUnavailable
from shared.pixels.source import PixelSource

__all__ = ["PixelSource", "PixelsUnavailable"]
