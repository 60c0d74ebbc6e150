"""Run fuzz cases in processes of their own, so that a crash is a finding that names its input."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANES = 2


@dataclass
class Report:
    """What came of a run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each outcome, `accepted` or `rejected`, was seen."""
    reasons: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    """Cases that broke a rule, with what they did."""


def run(module: str, cases: range, *, memory_mib: int, cpu_s: float) -> Report:
    """Check every case of `module` (see `tests.fuzz.worker`) under the two limits."""
    report = Report()
    lanes = [range(cases.start + lane, cases.stop, LANES) for lane in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        for lines in pool.map(lambda lane: list(_lane(module, lane, memory_mib, cpu_s)), lanes):
            for index, outcome, reason in lines:
                if outcome == "fault":
                    report.faults[index] = reason
                else:
                    report.outcomes[outcome] += 1
                    report.reasons[reason] += 1
    return report


def _lane(module: str, lane: range, memory_mib: int, cpu_s: float) -> Iterator[tuple[int, str, str]]:
    start = lane.start
    while start < lane.stop:
        arguments = [module, start, lane.stop, lane.step, memory_mib, cpu_s]
        command = [sys.executable, "-W", "error", "-m", "tests.fuzz.worker", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        last: int | None = None
        for line in done.stdout.splitlines():
            word, number, *rest = line.split("\t")
            if word == "end":
                outcome, _, reason = "\t".join(rest).partition("\t")
                yield int(number), outcome, reason
                last, start = None, int(number) + lane.step
            else:
                last = int(number)
        if last is not None:
            yield last, "fault", _cause(done.returncode)
            start = last + lane.step
        elif done.returncode not in (0, 3):
            raise RuntimeError(f"the worker did not start: {done.stderr[-2000:]}")


def _cause(status: int) -> str:
    if status == -signal.SIGPROF:
        return "too much processor time"
    return f"died: {signal.Signals(-status).name}" if status < 0 else f"died: exit status {status}"
