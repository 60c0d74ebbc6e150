"""The twin in memory does what Redis does."""

import pytest

from services.alert.places import Places
from services.alert.series.series import Series
from tests.unit.services.alert.keeping_suite import PlacesSuite, SeriesSuite
from tests.unit.services.alert.memory import MemoryPlaces, MemorySeries


class TestMemorySeries(SeriesSuite):
    """The suite."""

    @pytest.fixture
    def series(self) -> Series:
        """An empty one."""
        return MemorySeries()


class TestMemoryPlaces(PlacesSuite):
    """The suite."""

    @pytest.fixture
    def places(self) -> Places:
        """An empty one."""
        return MemoryPlaces()
