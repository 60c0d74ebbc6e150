"""How often the judge is wrong over a whole trial, and how soon right: the figures of docs/judge.md.

`python -m tests.benchmarks.bench_judge`; minutes on one core. Every trial is looked at again and again as it grows, by
the very functions that the judge calls.
"""

from collections import Counter

import numpy as np

from shared.registry.guard import Guard
from shared.trials.measures.compare import compare
from shared.trials.measures.evidence import Evidence, Sample
from shared.trials.measures.peeking import surer
from shared.trials.measures.proportions import paired_rise_at_least
from tests.unit.shared.trials.evidences import record

GUARD = Guard()


def quiet_trials(trials: int, *, held_out: int, champion_parts: int, shift: float = 0.0, parts: int = 500) -> None:
    """Print which measures were disturbed in trials whose scores differ by `shift` standard deviations and no more."""
    random = np.random.default_rng(7)
    disturbed: Counter[str] = Counter()
    for _ in range(trials):
        versions = [record(name, random.normal(size=held_out)) for name in ("v3", "v2")]
        drawn = [_drawn(random, parts, shift), _drawn(random, parts * champion_parts, 0.0)]
        hit: set[str] = set()
        for seen in range(GUARD.min_parts, parts + 1, 25):
            trial, champion = _first(drawn[0], seen), _first(drawn[1], seen * champion_parts)
            paired = seen if champion_parts == 1 else 0
            evidence = Evidence(trial, champion, trial.fails[:paired], champion.fails[:paired])
            measures = compare(evidence, GUARD, trial=versions[0], champion=versions[1])
            hit |= {measure.name for measure in measures if measure.breach}
        disturbed.update(hit)
        disturbed["any"] += bool(hit)
    rates = {name: f"{count / trials:.1%}" for name, count in sorted(disturbed.items())}
    print(f"{trials} trials, {held_out} held out, champion x {champion_parts}, shift {shift:g}: {rates}")  # noqa: T201 - its output is what it is for


def rises(trials: int, *, alone: float, champion_alone: float, window: int = 720, windows: int = 8) -> None:
    """Print how often a rise is found in pairs that come one by one, and after how many."""
    random = np.random.default_rng(1)
    limit, found = GUARD.max_reject_rise or 0.0, []
    for _ in range(trials):
        kinds = random.choice([0, 1, 2], p=[alone, champion_alone, 1 - alone - champion_alone], size=window * windows)
        sums = [np.concatenate(([0], np.cumsum(kinds == kind))) for kind in (0, 1)]
        for end in range(GUARD.min_parts, len(kinds) + 1, 5):
            begin = max(0, end - window)
            trial, champion = (int(total[end] - total[begin]) for total in sums)
            confidence = surer(GUARD, end - begin).confidence
            if paired_rise_at_least(trial, champion, end - begin, confidence) > limit:
                found.append(end)
                break
    after = f", after {np.median(found):.0f} pairs in the median" if found else ""
    print(f"true rise {alone - champion_alone:.2f}, limit {limit:g}: {len(found) / trials:.1%} of {trials}{after}")  # noqa: T201 - its output is what it is for


def _drawn(random: np.random.Generator, parts: int, shift: float) -> Sample:
    return Sample(random.random(parts) < 0.02, random.normal(size=parts) + shift, random.lognormal(1.5, 0.4, parts))


def _first(sample: Sample, parts: int) -> Sample:
    return Sample(sample.fails[:parts], sample.scores[:parts], sample.model_ms[:parts])


if __name__ == "__main__":
    quiet_trials(800, held_out=100, champion_parts=1)
    quiet_trials(800, held_out=100, champion_parts=5)
    for held in (200, 50, 20):
        quiet_trials(150, held_out=held, champion_parts=4, shift=1.0)
    for rise in ((0.02, 0.02), (0.05, 0.05), (0.06, 0.01), (0.11, 0.01), (0.21, 0.01), (0.51, 0.01)):
        rises(150, alone=rise[0], champion_alone=rise[1])
