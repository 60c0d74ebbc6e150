"""A door for the tests of who may do what."""

from collections.abc import Iterator
from pathlib import Path

import anyio.from_thread
import pytest

from tests.unit.services.gateway.door import Door
from tests.unit.shared.auth.provider import Provider


@pytest.fixture(scope="module")
def module_portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    """An event loop in a thread."""
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider for the module."""
    with Provider() as running:
        yield running


@pytest.fixture
def door(module_portal: anyio.from_thread.BlockingPortal, provider: Provider, tmp_path: Path) -> Door:
    """A gateway with one verdict at each of two plants."""
    return Door(module_portal, provider, tmp_path)
