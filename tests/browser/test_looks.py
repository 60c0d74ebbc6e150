"""Every page at every size, light and dark: pictures to look at, and no serious fault of accessibility."""

import functools
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.messages.pofile import read_po
from playwright.sync_api import Page, expect

from services.console.words import LOCALES
from tests.browser.rig.labels import MUNICH, SPARTANBURG, Plant
from tests.browser.rig.people import ENGINEER
from tests.browser.rig.shift import Shift, shift
from tests.browser.rig.windows import LAPTOP, PHONE, WALL, Windows
from tests.browser.rig.works import Works, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PICTURES: Final = Path("build/console")
SIZES: Final = {"phone": PHONE, "laptop": LAPTOP, "wall": WALL}
THEMES: Final = ("light", "dark")
SERIOUS: Final = frozenset({"serious", "critical"})
ENTRY: Final = f"{MUNICH.name}/{MUNICH.line}/*/*/*"
TRIAL: Final = f"{SPARTANBURG.name}/{SPARTANBURG.line}/*/*/*"
PAGES: Final = {
    "line": "/line",
    "fails": "/fails",
    "part": "/parts/{plant}/{image}",
    "alerts": "/alerts",
    "alert": "/alerts/{alert}",
    "silences": "/alerts/silences",
    "history": "/history",
    "rollouts": "/rollouts",
    "rollout": f"/rollouts/{TRIAL}",
    "version": f"/rollouts/versions/{MUNICH.name}-2",
    "confirm": f"/rollouts/{ENTRY}/promote?version={MUNICH.name}-2&direct=1",
    "training": "/training",
    "subscriptions": "/subscriptions",
    "subscription": "/subscriptions/shift-each",
    "subscription-form": "/subscriptions/shift-each/edit",
    "problem": "/parts/munich/no-such-part",
}
SETTLED: Final = """async () => {
  await document.fonts.ready;
  const seen = image => image.loading !== "lazy" || image.getBoundingClientRect().top < innerHeight;
  await Promise.all([...document.images].filter(image => seen(image) && !image.complete)
    .map(image => new Promise(done => { image.onload = image.onerror = done; })));
}"""
"""Letters and pictures are there, of those that wait until they come into sight the ones in sight."""
TEXTS: Final = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style, [lang=en]")) found.push(walker.currentNode.textContent.trim());
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const element of document.querySelectorAll(`[${name}]`))
      if (!element.closest("[lang=en]")) found.push(element.getAttribute(name).trim());
  return found;
}"""
"""Everything that is read or read out, but for what is said to be in English."""


@pytest.fixture(scope="module")
def busy(works: Works) -> Iterator[Shift]:
    """A shift with something of everything."""
    with shift(works) as made:
        yield made


def address(page: str, busy: Shift) -> str:
    """Of a page."""
    return PAGES[page].format(plant=MUNICH.name, image=busy.fail.id, alert=busy.alert)


def faults(page: Page, **options: Any) -> list[str]:
    """Serious ones that axe finds, one line each."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:200]}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page(windows: Windows, busy: Shift, name: str) -> None:
    """Pictures of it for people; axe for those who do not see them. Colours alone differ between light and dark."""
    if name == "problem":
        windows.watch.expect_refusal(404)
    page = windows.of(ENGINEER, address(name, busy))
    look_at(page, name)


def test_the_sign_in_page(windows: Windows) -> None:
    """Likewise, for those who are not inside yet."""
    page = windows.strange()
    page.goto("/")
    look_at(page, "sign-in")


def look_at(page: Page, name: str) -> None:
    """In every size and theme; nothing is cut off at the side."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.evaluate(SETTLED)
    wrong = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.evaluate(SETTLED)
            page.screenshot(path=PICTURES / f"{name}-{size}-{theme}.png", animations="disabled")
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if beyond > 0:
                wrong.append(f"{size}: {beyond} px beyond the side")
        page.set_viewport_size(LAPTOP)
        only = {} if theme == "light" else {"runOnly": ["color-contrast"]}
        wrong += [f"{theme}: {fault}" for fault in faults(page, **only)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "name", ["line", "fails", "part", "alerts", "history", "rollouts", "training", "subscriptions"]
)
def test_german(windows: Windows, busy: Shift, name: str) -> None:
    """As the browser asks for it; no message that has a translation is left in English."""
    page = windows.of(ENGINEER, address(name, busy), language="de-DE")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_test_id("nav-fails")).to_have_text("Ausschuss")
    left = {text for text in page.evaluate(TEXTS) if text in english()}
    assert not left


@functools.cache
def english() -> frozenset[str]:
    """Messages whose translation differs from them."""
    found = set()
    for path in sorted((LOCALES / "de").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="de"):
                one, said = (
                    (message.id, message.string) if isinstance(message.id, str) else (message.id[0], message.string[0])
                )
                if one and said and one != said:
                    found.add(one)
    return frozenset(found)


@pytest.mark.parametrize("plant", [MUNICH, SPARTANBURG], ids=lambda plant: plant.name)
def test_times_are_the_plants(works: Works, windows: Windows, busy: Shift, plant: Plant) -> None:
    """Neither the browser's, which is in Tokyo, nor ours."""
    del busy
    page = windows.of(ENGINEER, f"/fails?plant={plant.name}")
    photo = works.send(plant, "P-clock", 2, damaged=True)
    card = page.locator(f'[data-image="{photo.id}"]')
    expect(card).to_be_visible()
    verdict = works.verdict(photo)
    assert f"{verdict.time.astimezone(ZoneInfo(plant.zone)):%H:%M:%S}" in card.inner_text()
    page.set_viewport_size(WALL)
    clock = page.locator("[data-clock]")

    def shown() -> bool:
        return bool(re.search(f"{datetime.now(ZoneInfo(plant.zone)):%H:%M}", clock.inner_text()))

    until(shown, "the wall's clock is the plant's")
