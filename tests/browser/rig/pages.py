"""Chromium, and what is watched in every page: it executes nothing that it should show, and calls nobody else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from deploy.local.chromium import find_chromium

ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE_MS: Final = 30_000
_AWAY: Final = re.compile(r"net::ERR_|Failed to (load|fetch)|ERR_INCOMPLETE_CHUNKED_ENCODING")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window. Raises `NoBrowserError` where there is none: these tests are not skipped."""
    program = find_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield started
        finally:
            started.close()


@dataclass
class Watch:
    """What went wrong in some pages."""

    console: str
    """The console's address: whatever a page asks for lies below."""
    wrong: list[str] = field(default_factory=list)
    expected: re.Pattern[str] | None = None
    """What a browser may say in this test, e.g. while the console is away."""

    def look_at(self, page: Page) -> None:
        """From now on."""
        page.on("dialog", self._opened)
        page.on("pageerror", lambda error: self.wrong.append(f"a script failed: {error}"))
        page.on("console", self._said)
        page.on("request", self._asked)

    def expect_absence(self) -> None:
        """From now on requests may fail."""
        self.expected = _AWAY

    def expect_refusal(self, status: int) -> None:
        """From now on answers may have this status."""
        self.expected = re.compile(rf"the server responded with a status of {status} ")

    def _opened(self, dialog: Dialog) -> None:
        self.wrong.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if self.expected is None or not self.expected.search(message.text):
            self.wrong.append(f"the browser said: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.console}/", "data:", "blob:", "about:")):
            self.wrong.append(f"a page asked for {request.url}")
