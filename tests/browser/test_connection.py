"""A browser that loses the console says so, and is up to date again by itself."""

import pytest
from playwright.sync_api import expect

from tests.browser.rig.labels import MUNICH
from tests.browser.rig.people import SUPERVISOR
from tests.browser.rig.windows import Windows
from tests.browser.rig.works import Works

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_the_console_is_killed_and_comes_back(works: Works, windows: Windows) -> None:
    """The banner comes and goes; what failed meanwhile is shown; nobody has to sign in again."""
    page = windows.of(SUPERVISOR, "/fails")
    before = works.send(MUNICH, "P-before", 6, damaged=True)
    expect(page.locator(f'[data-image="{before.id}"]')).to_be_visible()
    windows.watch.expect_absence()
    banner = page.get_by_test_id("connection-banner")
    works.kill("console")
    expect(banner).to_be_visible()
    expect(page.locator(f'[data-image="{before.id}"]')).to_be_visible()
    meanwhile = works.send(MUNICH, "P-meanwhile", 7, damaged=True)
    works.verdict(meanwhile)
    works.start_again("console")
    expect(page.locator(f'[data-image="{meanwhile.id}"]')).to_be_visible()
    expect(banner).to_be_hidden()
    after = works.send(MUNICH, "P-after", 8, damaged=True)
    expect(page.locator(f'[data-image="{after.id}"]')).to_be_visible()


def test_the_network_is_cut(works: Works, windows: Windows) -> None:
    """As on a tablet that leaves the Wi-Fi."""
    page = windows.of(SUPERVISOR, "/fails")
    windows.watch.expect_absence()
    banner = page.get_by_test_id("connection-banner")
    page.context.set_offline(True)
    expect(banner).to_be_visible()
    meanwhile = works.send(MUNICH, "P-offline", 9, damaged=True)
    works.verdict(meanwhile)
    page.context.set_offline(False)
    expect(page.locator(f'[data-image="{meanwhile.id}"]')).to_be_visible()
    expect(banner).to_be_hidden()
