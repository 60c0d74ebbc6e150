"""What the pages are drawn with: charts, colours, icons, and what was brought along from others."""

import hashlib
import re
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from services.console import charts
from services.console.live.memory import LineState
from services.console.live.minutes import Minutes
from services.console.pages.line.view import cards, line_card, tail
from services.console.screen import HERE, STATIC
from tests.unit.services.console.parts import START, verdict

values = st.lists(st.floats(0, 1e9) | st.none(), max_size=30)


@given(values)
def test_every_chart_stays_in_its_box(series: list[float | None]) -> None:
    """Whatever the numbers."""
    high = charts.top(series)
    assert all(value is None or value <= high * (1 + 1e-9) for value in series)
    drawn = charts.line_path(series, high) + charts.area_path(series, high)
    for x, y in re.findall(r"[ML]([\d.e-]+) ([\d.e-]+)", drawn):
        assert -0.01 <= float(x) <= charts.WIDTH + 0.01
        assert -0.01 <= float(y) <= charts.HEIGHT + 0.01
    for x, y, width, height in charts.bars(series, high):
        assert x >= 0
        assert x + width <= charts.WIDTH + 0.1
        assert y + height == pytest.approx(charts.HEIGHT, abs=0.02)


def test_a_gap_stays_a_gap() -> None:
    """No line is drawn over what is not known; a lone point is a dot."""
    assert charts.line_path([1, None, 2, 2], 2, width=3, height=2) == "M0 1 M2 0 L3 0"
    assert charts.dots_path([1, None, 2, 2], 2, width=3, height=2) == "M0 1 h0.01"
    assert charts.dots_path([2], 2, width=3, height=2) == "M0 0 h0.01"
    assert charts.area_path([None, None], 1) == ""


@pytest.mark.parametrize(("highest", "wanted"), [(0, 1), (0.9, 1), (1, 1), (1.1, 2), (2.2, 2.5), (41, 50), (99, 100)])
def test_axes_end_at_round_numbers(highest: float, wanted: float) -> None:
    """So that people can read them."""
    assert charts.top([highest]) == wanted


@given(st.lists(st.floats(-1e6, 1e6), max_size=50), st.integers(1, 30))
def test_a_histogram_counts_everything(numbers: list[float], bins: int) -> None:
    """Once."""
    counts, low, high = charts.histogram(numbers, bins)
    assert (sum(counts), len(counts)) == (len(numbers), bins)
    assert low < high


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_gauge_shows_which_side_of_the_threshold(score: float, threshold: float) -> None:
    """Both lie on it, in their order."""
    at, mark = charts.share(score, threshold)
    assert 0 <= at <= 100
    assert 0 <= mark <= 100
    assert (at >= mark) or score < threshold
    assert (at <= mark) or score > threshold


def test_dark_is_said_twice_and_alike() -> None:
    """For devices that are dark, and for people who chose it."""
    text = (STATIC / "css/tokens.css").read_text()
    by_device = re.search(r':root:not\(\[data-theme="light"\]\) \{(.*?)\}', text, re.DOTALL)
    chosen = re.search(r':root\[data-theme="dark"\] \{(.*?)\}', text, re.DOTALL)
    assert by_device is not None
    assert chosen is not None
    assert by_device[1].split() == chosen[1].split()


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("start", [":root {", ':root[data-theme="dark"] {'])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *((ink, ground, 4.5) for ink in ("text", "soft") for ground in ("ground", "surface", "raised", "sunken")),
        *((f"{kind}-text", f"{kind}-ground", 4.5) for kind in ("accent", "fail", "pass", "warn")),
        *((f"{kind}-text", "surface", 4.5) for kind in ("accent", "fail", "pass", "warn")),
        *((f"on-{kind}", kind, 4.5) for kind in ("accent", "fail", "pass")),
        *(("on-solid", f"{kind}-solid", 4.5) for kind in ("fail", "pass")),
        *((kind, "surface", 3.0) for kind in ("accent", "fail", "pass", "warn", "line-strong")),
    ],
)
def test_colours_can_be_told_apart(start: str, ink: str, ground: str, least: float) -> None:
    """WCAG 2.2, 1.4.3 (text) and 1.4.11 (marks), in light and dark."""
    text = (STATIC / "css/tokens.css").read_text()
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text.split(start)[1].split("}")[0]))
    light, dark = sorted((luminance(found[ink]), luminance(found[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def test_every_icon_is_there() -> None:
    """A name that is not would be an empty place."""
    there = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    used: Counter[str] = Counter()
    for path in HERE.rglob("*.html"):
        used.update(re.findall(r'icon\("([\w-]+)"\)', path.read_text()))
    for path in HERE.rglob("*.py"):
        used.update(re.findall(r'Page\("\w+", N_\([^)]*\), "([\w-]+)"', path.read_text()))
    assert used
    assert used.keys() <= there


def test_what_others_made_is_as_they_made_it() -> None:
    """The files in `vendor/` are those of their checksums, each with a licence."""
    folder = STATIC / "vendor"
    listed = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert listed.keys() == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_the_tail_of_the_binomial(n: int, k: int, p: float) -> None:
    """As scipy has it."""
    assert tail(n, min(k, n), p) == pytest.approx(float(binom.sf(min(k, n) - 1, n, p)), rel=1e-6, abs=1e-12)


def state(fails_now: int, photos_now: int = 20) -> LineState:
    """A line on which one part in twenty failed, and now so many."""
    minutes = Minutes(61)
    for ago in range(50, 10, -1):
        for number in range(2):
            minutes.count(START - timedelta(minutes=ago), failed=ago % 10 == 0 and number == 0, latency_ms=100)
    for number in range(photos_now):
        minutes.count(START - timedelta(seconds=number), failed=number < fails_now, latency_ms=200)
    return LineState(minutes, latest=verdict("1", at=START), first=START - timedelta(minutes=50))


@pytest.mark.parametrize(("fails", "photos", "trend"), [(1, 20, "usual"), (8, 20, "worse"), (3, 3, "unknown")])
def test_more_fails_than_usual(fails: int, photos: int, trend: str) -> None:
    """Beyond chance, and not on a handful of parts."""
    assert line_card("munich", "line-1", state(fails, photos), at=START, history_minutes=60).trend == trend


def test_a_card_of_a_line() -> None:
    """Rate by the latest minutes, latency of now, one bar a minute; quiet after a while."""
    card = line_card("munich", "line-1", state(2), at=START, history_minutes=60)
    assert card.rate == pytest.approx(20 / 4.0)
    assert card.now.p50 == pytest.approx(200, rel=0.1)
    assert (len(card.bars), card.quiet) == (60, False)
    assert line_card("munich", "line-1", state(2), at=START + timedelta(minutes=6), history_minutes=60).quiet


def test_cards_of_the_plants_that_are_shown() -> None:
    """Those without lines too; no others."""
    lines = [("lyon", "a", state(0)), ("munich", "line-1", state(0))]
    found = cards(lines, ["munich", "berlin"], at=START, history_minutes=60)
    assert {plant: [card.line for card in some] for plant, some in found.items()} == {
        "munich": ["line-1"],
        "berlin": [],
    }
