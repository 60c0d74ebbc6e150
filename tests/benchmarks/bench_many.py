"""How long a plan takes: one process after the other, two at a time, and as Ray tasks, on the same tiny photos.

    python -m tests.benchmarks.bench_many --versions 6 --photos 60 --size 128 --rounds 2

Prints seconds of wall time for each engine and round, alternating, with the time that Ray takes to start and end.
The cores are shared with whatever else runs: compare within one run only, and look at the load that is printed.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from shared.settings import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.training.pictures import write_photos
from training.code_version import code_version
from training.many.engine import Done, Engine, Job
from training.many.local import LocalEngine
from training.many.on_ray import RayEngine
from training.order import Means, Order


def jobs(count: int, data: Path, out: Path, size: int) -> list[Job]:
    """As many alike, but for the seed."""
    spec = {
        "kind": "patchcore",
        "backbone": "tf_efficientnet_lite0",
        "weights": "random:0",
        "height": size,
        "width": size,
        "crop": "full_frame",
        "rule": "mean_sd",
    }
    orders = [Order.model_validate({"version": f"v-{i}", "spec": {**spec, "seed": i}}) for i in range(count)]
    means = Means(limits=ImageSettings(), device="cpu")
    return [Job(order=order, data=data, means=means, out=out / order.version) for order in orders]


def timed(engine: Engine, work: list[Job]) -> dict[str, float]:
    """Wall seconds of the whole, and of the jobs on average."""
    start = perf_counter()
    outcomes = list(engine.run(work, lambda _: None))
    wall = perf_counter() - start
    if failed := [outcome for outcome in outcomes if not isinstance(outcome, Done)]:
        raise SystemExit(f"failed: {failed}")
    return {
        "wall_s": round(wall, 1),
        "job_s": round(sum(outcome.seconds for outcome in outcomes) / len(outcomes), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=6)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_photos(root / "photos", good=options.photos, damaged=12)
        store = StoreSettings(url=str(root / "store"), cache_dir=root / "cache")
        fetch = ArtifactStore(store).fetch
        engines: dict[str, Callable[[], Engine]] = {
            "local, 1 worker": lambda: LocalEngine(reference=fetch),
            "local, 2 workers": lambda: LocalEngine(reference=fetch, workers=2),
            "ray, 2 cores": lambda: RayEngine(store=store, code=code_version(), cores=2),
        }
        for turn in range(options.rounds):
            for engine, make in engines.items():
                out = root / f"{turn} {engine}"
                out.mkdir()
                work = jobs(options.versions, root / "photos", out, options.size)
                results.setdefault(engine, []).append(timed(make(), work))
    print(json.dumps({"options": vars(options), "results": results}, indent=2))  # noqa: T201  the result is what the script is for


if __name__ == "__main__":
    main()
