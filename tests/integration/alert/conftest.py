"""A plant for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.alert.site import Site
from tests.integration.conftest import Kafka


@pytest.fixture
def site(kafka: Kafka, redis_url: str, tmp_path: Path) -> Iterator[Site]:
    """A plant of this test's own."""
    made = Site(kafka, redis_url, tmp_path)
    yield made
    made.close()
