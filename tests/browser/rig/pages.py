"""Pages in a real browser, watched: nothing of them may execute what it should show, or call elsewhere."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from deploy.local.chromium import find_chromium

ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
LAPTOP: Final = ViewportSize(width=1366, height=768)
PATIENCE_MS: Final = 30_000


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window. Raises `NoBrowserError` where there is none: these tests are not skipped."""
    program = find_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@dataclass
class Watch:
    """What went wrong in the pages of one context."""

    console: str
    """The console's address: whatever a page asks for lies below."""
    wrong: list[str] = field(default_factory=list)
    offline: bool = False
    """While the console is away or the connection cut, failing requests are what is wanted."""

    def look_at(self, page: Page) -> None:
        """From now on."""
        page.on("dialog", lambda dialog: self._told(f"a dialog opened: {dialog.message}", dialog.dismiss))
        page.on("pageerror", lambda error: self._told(f"a script failed: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))

    def _told(self, what: str, then: object = None) -> None:
        self.wrong.append(what)
        if callable(then):
            then()

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not (self.offline and re.search(r"net::ERR_|Failed to (load|fetch)", text)):
            self.wrong.append(f"the browser said: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.console + "/", "data:", "blob:", "about:")):
            self.wrong.append(f"a page asked for {url}")


def sign_in(page: Page, console: str, key: str) -> None:
    """By the page that takes a key."""
    page.goto(f"{console}/")
    form = page.get_by_test_id("sign-in")
    form.get_by_role("textbox").fill(key)
    form.get_by_role("button").click()
    expect(page.get_by_test_id("nav-lines")).to_be_visible()


def watched(context: BrowserContext, console: str) -> Watch:
    """Watch every page that is opened in a context."""
    watch = Watch(console)
    context.on("page", watch.look_at)
    return watch
