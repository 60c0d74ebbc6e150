"""An identity provider for each test."""

from collections.abc import Iterator

import pytest

from tests.unit.shared.auth.provider import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Running."""
    with Provider() as running:
        yield running
