"""The automatic judge on real Kafka and Redis."""

import pytest

from tests.integration.judge.conftest import TrialLine

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_a_bad_canary_is_rolled_back_by_itself(line: TrialLine) -> None:
    """The champion stays, the trial is over, and everybody is told why."""
    line.trial()
    with line.judge():
        line.stream(30, bad=True)
        line.wait(lambda: line.held().canary is None, "the rollback")
        line.wait(lambda: line.breaches() and len(line.changes()) >= 4, "the word of it")
    assert line.held().champion == "v2"
    assert line.held().retired == ("v3",)
    assert "reject_rise" in {breach.measure for breach in line.breaches()}
    assert {(breach.version, breach.champion, breach.action) for breach in line.breaches()} == {
        ("v3", "v2", "rollback")
    }
    last = line.changes()[-1]
    assert (last.action, last.by, last.automatic, last.canary) == ("rollback", "judge", True, None)
    assert "rejected by the trial alone" in last.note
