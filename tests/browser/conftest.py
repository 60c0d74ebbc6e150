"""One running Linegate and one browser for all tests of this folder; each test has windows of its own.

They end with the folder (package scope): Playwright keeps an event loop in this thread, which later tests must not meet.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.rig import pages
from tests.browser.rig.pages import LAPTOP, Watch, sign_in, watched
from tests.browser.rig.people import Person
from tests.browser.rig.works import Works, running

SignIn = Callable[..., Page]


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
