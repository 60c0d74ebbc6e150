"""The real worker on real Kafka and Redis: verdicts in, alerts out exactly once, whatever dies."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.redis import RedisServer
from shared.alerts.conditions import EachFail, FailsInWindow, SameRegion
from shared.events import Verdict, now
from tests.integration.alert.site import PATIENCE, Site
from tests.integration.conftest import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
LINES = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may stop."""
    with RedisServer(tmp_path / "redis") as made:
        yield made


@pytest.fixture
def shaken(kafka: Kafka, server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """A plant on it."""
    made = Site(kafka, server.url, tmp_path)
    yield made
    made.close()


def subscribe(site: Site) -> None:
    """Two ways to be told of the same parts at once."""
    site.subscribe("each", EachFail(), group_by=("line",))
    site.subscribe("many", FailsInWindow(fails=3, minutes=60))


def stream(site: Site, count: int) -> tuple[list[Verdict], dict[tuple[str, str], int]]:
    """Parts on three lines, of which every fourth passes; and how often each condition is met on each."""
    start = now() - timedelta(minutes=10)
    parts = [
        site.verdict(
            str(n), at=start + timedelta(seconds=n), line=f"line-{n % LINES}", failed=n % 4 != 0, peak=(0.5, 0.5)
        )
        for n in range(count)
    ]
    expected = Counter[tuple[str, str]]()
    for line in {part.line for part in parts}:
        row = fails = 0
        for part in parts:
            if part.line == line:
                row = row + 1 if part.decision == "fail" else 0
                fails += part.decision == "fail"
                expected["row", line] += row >= 3
        expected["each", line], expected["many", line] = fails, fails - 2
    return parts, dict(expected)


def counts(site: Site) -> dict[tuple[str, str], int]:
    """How often each alert's condition was met."""
    return {
        (held.record.subscription.rsplit("-")[-1], held.record.group.line or ""): held.record.count
        for held in site.book.open_alerts()
    }


def test_verdicts_in_alerts_out_whatever_dies(site: Site) -> None:
    """Killed by SIGKILL in the midst: no trigger is lost, none counts twice, each step is told once."""
    subscribe(site)
    site.subscribe("row", SameRegion(parts=3, radius=0.2))
    parts, expected = stream(site, 240)
    site.publish(*parts)  # all of them first: what is photographed so long before it comes is too late for rows
    with site.worker():
        site.wait_triggers(40)
    site.read_rest()
    assert sum(counts(site).values()) < sum(expected.values()), "it was done before it was killed: this proves nothing"
    with site.worker() as second:
        site.wait(lambda: counts(site) == expected)
        site.wait_steps(3 * LINES)
        second.terminate()
        assert second.wait(PATIENCE) == 0
    site.read_rest()
    assert counts(site) == expected
    assert Counter(site.steps) == {(name, "fired"): LINES for name in ("each", "many", "row")}


def test_two_share_the_work_and_redis_goes_away(shaken: Site, server: RedisServer) -> None:
    """Each part is counted by one of them, each step told by one of them; without Redis the parts wait."""
    subscribe(shaken)
    parts, all_expected = stream(shaken, 240)
    expected = {key: count for key, count in all_expected.items() if key[0] != "row"}
    with shaken.worker(), shaken.worker():
        shaken.publish(*parts[:120])
        shaken.wait_triggers(30)
        server.stop()  # in order: killed, it would lose what its last second held (ADR 27)
        shaken.publish(*parts[120:])
        server.start()
        shaken.wait(lambda: counts(shaken) == expected)
        shaken.wait_steps(2 * LINES)
    shaken.read_rest()
    assert counts(shaken) == expected
    assert Counter(shaken.steps) == {(name, "fired"): LINES for name in ("each", "many")}
