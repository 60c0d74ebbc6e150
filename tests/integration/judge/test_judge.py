"""The automatic judge on real Kafka and Redis."""

import os
import re
import signal
import time

import pytest
from typer.testing import CliRunner

from services.rollout.cli.app import app
from shared.errors import LinegateError
from shared.events import now
from shared.registry import lifecycle
from shared.registry.guard import Guard
from tests.integration.conftest import Kafka
from tests.integration.judge.conftest import GUARD, TrialLine

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
    told = {(breach.version, breach.champion, breach.arm, breach.action) for breach in line.breaches()}
    assert told == {("v3", "v2", "canary", "rollback")}
    last = line.changes()[-1]
    assert (last.action, last.by, last.automatic, last.canary) == ("rollback", "judge", True, None)
    assert "rejected by the trial alone" in last.note


def test_a_good_canary_goes_on_and_two_judges_roll_a_bad_one_back_once(line: TrialLine, neighbour: TrialLine) -> None:
    """All is there before they start: each looks at both trials, whole, in its first look."""
    line.trial()
    neighbour.trial()
    line.stream(40, bad=False)
    neighbour.stream(40, bad=True)
    with line.judge("a"), line.judge("b"):
        neighbour.wait(lambda: neighbour.held().canary is None, "the rollback")
        neighbour.wait(lambda: neighbour.breaches() and len(neighbour.changes()) >= 8, "the word of both")
    assert line.held().canary is not None
    line.listen_to_end()
    assert line.breaches() == []
    entries = [e for e in line.registry.history() if e.author == "judge"]
    assert [(entry.key, entry.action) for entry in entries] == [(str(neighbour.key), "rollback")]
    ids = [breach.id for breach in neighbour.breaches()]
    assert len(ids) == len(set(ids)), "a breach told twice"
    # Each judge tells every change, in order, under the same ids.
    order = list(dict.fromkeys((change.id, change.revision) for change in neighbour.changes()))
    assert [revision for _, revision in order] == sorted(revision for _, revision in order)
    assert len(order) == 4


def test_a_restart_goes_on_with_the_window_and_with_what_was_told(line: TrialLine) -> None:
    """Too few parts for either judge alone; paused, told once, raised as a fault until a person resumes."""
    line.trial(Guard(min_parts=20, window_s=600, action="pause"))
    with line.judge("a"):
        line.stream(12, bad=True)
        line.wait(lambda: len(line.changes()) == 3, "the changes by people")
    with line.judge("b"):
        assert not line.paused
        line.stream(12, bad=True)
        line.wait(lambda: line.paused, "the pause")
        line.wait(lambda: ("rollout_breach", "raised") in line.faults() and line.breaches(), "the word of it")
    line.listen_to_end()
    told = [breach.id for breach in line.breaches()]
    with line.judge("c"):
        line.wait(lambda: line.faults().count(("rollout_breach", "raised")) == 2, "the fault after a restart")
        line.step("resume", lambda held: lifecycle.resume(held, at=now()))
        line.wait(lambda: ("rollout_breach", "cleared") in line.faults(), "the end of the fault")
        assert not line.paused, "a trial that was resumed is a new one"
        line.listen_to_end()
        assert [breach.id for breach in line.breaches()] == told, "told again after a restart"
        line.stream(24, bad=True)
        line.wait(lambda: line.paused, "the pause of the new trial")
        line.wait(lambda: line.changes()[-1].action == "pause" and len(line.breaches()) > len(told), "the word of it")
    actions = [(change.action, change.automatic) for change in line.changes()]
    by_people = [("assign", False), ("guard", False), ("canary", False)]
    assert actions == [*by_people, ("pause", True), ("resume", False), ("pause", True)], "lost or told again"
    assert len({breach.id for breach in line.breaches()}) == len(line.breaches())


def test_a_shadow_is_only_told_of(line: TrialLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the guard's action is. And the report shows what the judge sees."""
    line.step("guard", lambda held: lifecycle.guarded(held, GUARD))
    line.step("shadow", lambda held: lifecycle.shadow(held, "v3"))
    line.stream(30, bad=True, arm="shadow")
    with line.judge():
        line.wait(line.breaches, "the breach")
    line.listen_to_end()
    assert {(breach.arm, breach.action) for breach in line.breaches()} == {("shadow", "alert")}
    assert line.held().shadow == "v3"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", line.bus.bootstrap_servers)
    monkeypatch.setenv("LINEGATE_REDIS__URL", line.redis.url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "240")
    shown = CliRunner().invoke(app, ["judge", line.plant])
    assert shown.exit_code == 0, shown.output
    text = re.sub(r"\s+", " ", shown.stdout)
    assert "shadow v3 beside champion v2" in text
    assert "Rejected: trial 30 of 30 (100.0%), champion 0 of 150 (0.0%); 30 parts were seen by both." in text
    assert text.count("BEYOND") == len(line.breaches())
    with pytest.raises(LinegateError, match="nothing is on trial at rome") as caught:
        CliRunner().invoke(app, ["judge", "rome"], catch_exceptions=False)
    assert str(line.key) in str(caught.value.hint)


def test_kafka_may_be_away_for_a_while(line: TrialLine, kafka: Kafka) -> None:
    """What people changed meanwhile is told when it is back, and the trial is judged as if nothing had been."""
    if kafka.broker is None:
        pytest.skip("the broker was given by the environment: it is not ours to stop")
    line.trial()
    with line.judge():
        line.stream(12, bad=True)
        line.wait(lambda: len(line.changes()) == 3, "the changes")
        os.kill(kafka.broker.pid, signal.SIGSTOP)
        try:
            begun = now()
            line.step("canary", lambda held: lifecycle.canary(held, "v3", 30.0, at=begun))
            time.sleep(2 * line.bus.message_timeout_ms / 1000)  # long enough for what is told meanwhile to fail
        finally:
            os.kill(kafka.broker.pid, signal.SIGCONT)
        line.stream(12, bad=True)
        line.wait(lambda: line.held().canary is None, "the rollback")
        line.wait(lambda: line.changes()[-1].canary is None and line.breaches(), "the word of it")
    revisions = list(dict.fromkeys(change.revision for change in line.changes()))
    assert revisions == sorted(revisions)
    assert [change.percent for change in {change.id: change for change in line.changes()}.values()] == [
        None, None, 20.0, 30.0, None,
    ]  # fmt: skip
