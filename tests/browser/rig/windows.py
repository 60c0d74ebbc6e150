"""Windows for people: each with cookies of its own, signed in by the page that takes a key."""

import asyncio
from contextlib import ExitStack, suppress
from typing import Final, Literal, Self

from playwright.sync_api import Browser, BrowserContext, Error, Page, StorageState, ViewportSize, expect

from tests.browser.rig.pages import Watch
from tests.browser.rig.people import Person
from tests.browser.rig.works import Works

PHONE: Final = ViewportSize(width=390, height=844)
LAPTOP: Final = ViewportSize(width=1366, height=768)
WALL: Final = ViewportSize(width=1920, height=1080)
CLOSE_SECONDS: Final = 20.0
ELSEWHERE_ZONE: Final = "Asia/Tokyo"
"""Browsers are set to a zone of no plant: times are the plant's all the same."""


class Windows:
    """Opens windows, and closes them at the end of a `with` block.

    Args:
        browser: started.
        works: what the console belongs to.
        sessions: cookies of who has signed in before; kept from test to test.
    """

    def __init__(self, browser: Browser, works: Works, sessions: dict[Person, StorageState]) -> None:
        self._browser = browser
        self._works = works
        self._sessions = sessions
        self._exit = ExitStack()
        self.watch = Watch(works.console)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def check(self) -> None:
        """Nothing went wrong in any of them."""
        assert not self.watch.wrong, self.watch.wrong

    def strange(
        self,
        *,
        size: ViewportSize = LAPTOP,
        theme: Literal["light", "dark"] = "light",
        language: str = "en-GB",
        session: StorageState | None = None,
    ) -> Page:
        """A window of nobody, on no page yet."""
        context = self._browser.new_context(
            base_url=self._works.console,
            viewport=size,
            color_scheme=theme,
            locale=language,
            timezone_id=ELSEWHERE_ZONE,
            storage_state=session,
            reduced_motion="reduce",
        )
        self._exit.callback(_close, context)
        return self.another(context)

    def another(self, context: BrowserContext) -> Page:
        """One more window of the same person."""
        page = context.new_page()
        self.watch.look_at(page)
        return page

    def of(
        self,
        person: Person,
        path: str = "/",
        *,
        size: ViewportSize = LAPTOP,
        theme: Literal["light", "dark"] = "light",
        language: str = "en-GB",
    ) -> Page:
        """A window of a person who has signed in, on a page."""
        page = self.strange(size=size, theme=theme, language=language, session=self._sessions.get(person))
        if person not in self._sessions:
            sign_in(page, self._works.keys[person])
            self._sessions[person] = page.context.storage_state()
        page.goto(path)
        return page


def sign_in(page: Page, key: str) -> None:
    """By the page that takes a key."""
    page.goto("/")
    page.get_by_test_id("sign-in-token").fill(key)
    page.get_by_test_id("sign-in-submit").click()
    expect(page.get_by_test_id("nav-fails")).to_be_visible()


def _close(context: BrowserContext) -> None:
    """Close a context that nobody looks at any more, within a time limit.

    Chromium was once seen to answer never when a page was leaving at that moment. So the pages go somewhere quiet
    first; and one that hangs all the same is left to the browser's end, rather than to fail a test that has passed.
    """
    for page in context.pages:
        with suppress(Error):
            page.goto("about:blank", timeout=CLOSE_SECONDS * 1000)
    with suppress(TimeoutError):
        # The library's own call has no limit.
        context._sync(asyncio.wait_for(context._impl_obj.close(reason=None), CLOSE_SECONDS))
