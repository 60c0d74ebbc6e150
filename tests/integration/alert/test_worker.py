"""The real worker on real Kafka and Redis: verdicts in, alerts out exactly once, whatever dies."""

from collections import Counter
from datetime import timedelta

import pytest

from shared.alerts.conditions import EachFail, FailsInWindow
from shared.events import now
from tests.integration.alert.site import Site

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_verdicts_in_alerts_out_whatever_dies(site: Site) -> None:
    """Killed by SIGKILL in the midst: no trigger is lost, none counts twice, each step is told once."""
    site.subscribe("each", EachFail(), group_by=("line",))
    site.subscribe("many", FailsInWindow(fails=3, minutes=60))
    start = now() - timedelta(minutes=10)
    parts = [
        site.verdict(str(n), at=start + timedelta(seconds=n), line=f"line-{n % 3}", failed=n % 4 != 0)
        for n in range(300)
    ]
    site.publish(*parts)
    failed = Counter(one.line for one in parts if one.decision == "fail")
    with site.worker():
        site.wait_triggers(40)
    site.read_rest()
    assert sum(held.record.count for held in site.book.open_alerts()) < 2 * sum(failed.values()) - 6, "done too soon"
    with site.worker() as second:
        site.wait_triggers(2 * sum(failed.values()) - 6)
        site.wait_steps(6)
        second.terminate()
        assert second.wait(60) == 0
    site.read_rest()
    counts = {(h.record.subscription[10:], h.record.group.line): h.record.count for h in site.book.open_alerts()}
    expected = {("each", line): count for line, count in failed.items()}
    expected |= {("many", line): count - 2 for line, count in failed.items()}
    assert counts == expected
    assert Counter(site.steps) == {("each", "fired"): 3, ("many", "fired"): 3}
    assert len({one.id for one in site.told}) == 6
