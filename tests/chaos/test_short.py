"""The short form of `make chaos`, as a user runs it: hundreds of photos, and each kind of fault at least once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = {
    "events": 600,
    "minutes": 0.33,
    "sigkills": 9,
    "sigstops": 1,
    "broker-restarts": 1,
    "redis-restarts": 1,
    "network-faults": 1,
    "visits": 0,
    "swaps": 2,
}


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.kafka
@pytest.mark.redis
def test_exactly_once_while_everything_fails(tmp_path: Path) -> None:
    """Nothing lost, nothing doubled, and every fault that was planned has struck."""
    options = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "tests.chaos", "--seed", "7", "--no-control", "--folder", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["passed"]
    assert summary["lost"] == summary["duplicates"] == 0
    assert set(summary["violations"].values()) == {0}
    assert summary["events"] >= SIZE["events"]
    assert summary["verdicts"] + summary["dead_letters"] == summary["events"]
    assert summary["dead_letters"] > 0
    for name, count in SIZE.items():
        if name not in ("events", "minutes", "visits", "swaps"):
            assert summary[name.replace("-", "_")] >= count
    # The kills were where they hurt: transactions were torn open, and nobody who reads committed records saw it.
    assert summary["records_of_aborted_transactions"] > 0
    assert (tmp_path / "timeline.png").stat().st_size > 10_000
