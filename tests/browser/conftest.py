"""One running Linegate and one browser for all tests of this folder; each test has windows of its own.

Both end with the folder (package scope): Playwright keeps an event loop in this thread, and later tests make their own.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, StorageState

from tests.browser.rig import pages
from tests.browser.rig.people import Person
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works, running


@pytest.fixture(scope="package")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Everything that runs."""
    with running(tmp_path_factory.mktemp("works")) as all_of_it:
        yield all_of_it


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with pages.browser() as started:
        yield started


@pytest.fixture(scope="package")
def sessions() -> dict[Person, StorageState]:
    """Cookies of who has signed in."""
    return {}


@pytest.fixture
def windows(works: Works, chromium: Browser, sessions: dict[Person, StorageState]) -> Iterator[Windows]:
    """Opens windows for people. At the end of the test none of them may have seen anything wrong."""
    with Windows(chromium, works, sessions) as opened:
        yield opened
        opened.check()
