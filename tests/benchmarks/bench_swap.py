"""What changing models costs: loading one, coming into force, and one forward pass for many models against one each.

    python tests/benchmarks/bench_swap.py --models 8 --batch 16 --side 256 --threads 1

Without Kafka and Redis: from the worker's hearing of a change to the first verdict by it. Prints one JSON object.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import structlog
import torch

from services.score.effective import Effective
from services.score.mixed import Look, score_mixed
from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.step import Emit
from shared.events import Verdict
from shared.images import encode_png
from shared.models.base import Image
from shared.models.bundle import write_bundle
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.self_check import make_self_check
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec
from shared.pixels import PixelSource
from shared.registry.records import Assignment, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.settings import ImageSettings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.services.cards import a_card
from tests.unit.services.events import crop

KEY = "munich/*/*/*/*"
STAGES = ((2, 3), (2,), (1, 3), (3,))


def pictures(count: int, side: int, seed: int) -> list[Image]:
    """Noise on a ramp."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(60, 180, side)[None, :, None] + np.zeros((side, 1, 3))
    return [np.clip(ramp + random.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8) for _ in range(count)]


def make_versions(folder: Path, store: ArtifactStore, count: int, side: int) -> dict[str, VersionRecord]:
    """Models of two kinds and four sets of stages, fitted and stored."""
    pool = ExtractorPool("cpu")
    versions = {}
    for number in range(count):
        kind = ("patchcore", "padim")[number % 2]
        extractor = ExtractorSpec(stages=STAGES[number // 2 % 4], input=InputSpec(height=side, width=side))
        options = {"coreset_ratio": 0.02} if kind == "patchcore" else {"channels": 40 if number // 2 % 4 != 1 else 30}
        model = make_model(ModelSpec(kind=kind, extractor=extractor, options=options), pool)
        model.fit(pictures(24, side, number))
        card = a_card(1e9).model_copy(update={"self_check": make_self_check(model, side, side)})
        name = f"v{number}"
        write_bundle(folder / name, model, card)
        versions[name] = VersionRecord(version=name, digest=store.put(folder / name), kind=kind)
    return versions


def state(versions: dict[str, VersionRecord], revision: int, assignment: Assignment) -> Snapshot:
    """A registry with one entry."""
    held = {KEY: HeldAssignment(revision=revision, record=assignment)}
    return Snapshot(revision=revision, versions=versions, assignments=held)


def timed(run: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1e3


def swaps(store: ArtifactStore, versions: dict[str, VersionRecord], side: int) -> dict[str, float]:
    """Milliseconds of loads, and from a change to the first verdict by it, with the models in memory and without."""
    shelf = ModelShelf(store, ExtractorPool("cpu"), budget_mib=4096)
    effective = Effective(shelf)
    now = [state(versions, 1, Assignment(champion="v0"))]
    step = ScoreStep(
        shelf,
        source=PixelSource(ImageSettings()),
        limits=ImageSettings(),
        snapshot=lambda: now[0],
        effective=effective,
    )
    part = crop(pixels=encode_png(pictures(1, side, 99)[0]))

    def judged_by(revision: int) -> int:
        waits = 0
        while True:
            (result,) = step([part])
            assert isinstance(result, Emit)
            (verdict,) = (event for event in result.events if type(event) is Verdict)
            assert verdict.model is not None
            if verdict.model.revision == revision:
                return waits
            waits += 1

    first = timed(lambda: effective.settle(now[0]))
    one = statistics.median(timed(lambda: judged_by(1)) for _ in range(5))
    now[0] = state(versions, 2, Assignment(champion="v1", former="v0"))
    cold = timed(lambda: judged_by(2))
    warm = []
    for revision in range(3, 23):
        champion, former = ("v0", "v1") if revision % 2 else ("v1", "v0")
        now[0] = state(versions, revision, Assignment(champion=champion, former=former))
        warm.append(timed(lambda revision=revision: judged_by(revision)))
    loads = [timed(lambda name=name: shelf.get(versions[name])) for name in list(versions)[2:]]
    shelf.close()
    return {
        "first_load_with_backbone_ms": round(first, 1),
        "later_load_ms_median": round(statistics.median(loads), 1),
        "one_part_ms": round(one, 1),
        "change_to_verdict_cold_ms": round(cold, 1),
        "change_to_verdict_warm_ms_median": round(statistics.median(warm), 1),
        "change_to_verdict_warm_ms_max": round(max(warm), 1),
    }


def passes(
    store: ArtifactStore, versions: dict[str, VersionRecord], *, batch: int, side: int, repeats: int
) -> dict[str, dict[str, float]]:
    """Milliseconds for a batch, with one pass for all models and with one for each.

    `shared_out`: each crop belongs to one model, as with many plants. `looked_at_by_all`: each model looks at each
    crop, as shadows do.
    """
    pool = ExtractorPool("cpu")
    shelf = ModelShelf(store, pool, budget_mib=4096)
    models = [shelf.get(record) for record in versions.values()]
    images = pictures(batch, side, 7)
    numbers = range(len(models))
    out = {
        "shared_out": [[Look(r, "champion", "v", models[n]) for r in range(n, batch, len(models))] for n in numbers],
        "looked_at_by_all": [[Look(r, "shadow", "v", models[n]) for r in range(batch)] for n in numbers],
    }
    result = {}
    for name, by_model in out.items():
        everything = [look for looks in by_model for look in looks]
        took: dict[str, list[float]] = {"one": [], "each": []}
        counts = {}
        for _ in range(repeats + 1):  # the first one warms up; in turns, so that a busy machine slows both alike
            for way, groups in (("one", [everything]), ("each", by_model)):
                before = pool.passes
                started = time.perf_counter()
                for looks in groups:
                    score_mixed(images, looks, want_map=lambda _look, _score: False)
                took[way].append((time.perf_counter() - started) * 1e3)
                counts[way] = pool.passes - before
        medians = {way: statistics.median(times[1:]) for way, times in took.items()}
        result[name] = {
            "passes_one": counts["one"],
            "passes_each": counts["each"],
            "one_ms_median": round(medians["one"], 1),
            "each_ms_median": round(medians["each"], 1),
            "each_over_one": round(medians["each"] / medians["one"], 2),
        }
    shelf.close()
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ArtifactStore(StoreSettings(url=str(folder / "store"), cache_dir=folder / "cache"))
        versions = make_versions(folder, store, options.models, options.side)
        result = {
            "options": vars(options),
            "swap": swaps(store, versions, options.side),
            "passes": passes(store, versions, batch=options.batch, side=options.side, repeats=options.repeats),
        }
    print(json.dumps(result, indent=2))  # noqa: T201  the result is what the script is for


if __name__ == "__main__":
    main()
