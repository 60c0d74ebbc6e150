"""How much faster the exact coreset selection is than the textbook's, on patches with a realistic spectrum.

    python tests/benchmarks/bench_coreset.py --patches 204800 --dimensions 304 --picks 512 --threads 2

Prints milliseconds per pick (wall and processor time) for three ways that pick the same points:
numpy as most implementations write it, one fused pass over all points, and the product's.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from shared.models.coreset import distances_to, k_center_greedy


def patches(count: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    """Clustered points whose variance falls off by a power law, as backbone features' does (32 axes hold 80 %)."""
    random = np.random.default_rng(seed)
    spectrum = np.arange(1, dimensions + 1, dtype=np.float32) ** -0.6
    centres = random.standard_normal((64, dimensions), dtype=np.float32) * spectrum * 20
    points = random.standard_normal((count, dimensions), dtype=np.float32) * spectrum * 8
    points += centres[random.integers(0, len(centres), count)]
    return points


def textbook(points: NDArray[np.float32], picks: NDArray[np.int64]) -> None:
    """The distance update as most implementations write it; temporaries of the size of all points."""
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for pick in picks:
        nearest = np.minimum(nearest, np.sqrt(((points - points[pick]) ** 2).sum(axis=1)))
        nearest.argmax()


def fused(points: torch.Tensor, picks: NDArray[np.int64]) -> list[int]:
    """All distances, but in one pass without temporaries; returns what it would have picked."""
    nearest = torch.full((len(points),), torch.inf)
    found = [int(picks[0])]
    for _ in picks:
        torch.minimum(nearest, distances_to(points, points[found[-1]]), out=nearest)
        found.append(int(nearest.argmax()))
    return found[: len(picks)]


def per_pick(run: Callable[[], object], picks: int) -> dict[str, float]:
    """Milliseconds per pick."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return {
        "wall_ms": round((time.perf_counter() - wall) * 1e3 / picks, 3),
        "processor_ms": round((time.process_time() - processor) * 1e3 / picks, 3),
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patches", type=int, default=102_400)
    parser.add_argument("--dimensions", type=int, default=152)
    parser.add_argument("--picks", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    array = patches(options.patches, options.dimensions, options.seed)
    points = torch.from_numpy(array)
    picked: list[NDArray[np.int64]] = []
    product = per_pick(lambda: picked.append(k_center_greedy(points, options.picks)), options.picks)
    some = picked[0][:8]
    whole: list[list[int]] = []
    one_pass = per_pick(lambda: whole.append(fused(points, picked[0])), options.picks)
    naive = per_pick(lambda: textbook(array, some), len(some))
    if whole[0] != picked[0].tolist():
        raise SystemExit("the picks differ: the selection is not exact")
    ratios = {
        "textbook": round(naive["processor_ms"] / product["processor_ms"], 1),
        "one_pass": round(one_pass["processor_ms"] / product["processor_ms"], 1),
    }
    result = {"options": vars(options), "textbook": naive, "one_pass": one_pass, "product": product, "ratio": ratios}
    print(json.dumps(result, indent=2))  # noqa: T201  the result is what the script is for


if __name__ == "__main__":
    main()
