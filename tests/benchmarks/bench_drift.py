"""How fast the drift monitor sees a change of light, focus or camera on real features, and whether it stays quiet else.

    python tests/benchmarks/bench_drift.py measure FOLDER               # a studio place; minutes on two cores
    python tests/benchmarks/bench_drift.py measure FOLDER --tiles MT    # and real photos of magnetic tiles
    python tests/benchmarks/bench_drift.py tell FOLDER                  # figures and a picture from what was measured
    python tests/benchmarks/bench_drift.py simulate                     # false alarms and delays without pictures

`measure` fits PaDiM and PatchCore on the Lite0 features of good crops, holds some good ones out, and scores more parts
as they are and changed. `tell` streams these as verdicts through the very monitor that runs on a line.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from services.rollout.drift.decide import SignalName, find
from services.rollout.drift.window import Parts, Watched
from shared.cropping import by_polygon
from shared.models.base import Image, batches
from shared.models.card import Calibration
from shared.models.embedding import EmbeddingStream
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.quantiles import kept
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import DriftSettings
from shared.trials.measures.evidence import Floats
from training.studio.camera import CameraKind
from training.studio.photo import StudioPhoto, photographs

KINDS: Final = ("padim", "patchcore")
TRAIN, HELD_OUT, CHANGED, SOME = 120, 100, 300, 120
Change = Callable[[Image], Image]
Source = Callable[[], Iterable[Image]]
WATCHED: Final = Watched("munich/*/*/*/*", "v1", "munich", "line-1", "any", "stationary")


def say(line: str) -> None:
    """For whoever waits."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def brighter(by: float) -> Change:
    """All light times `by`, clipped as a sensor does."""
    return lambda image: np.asarray(np.clip(image.astype(np.float32) * by, 0, 255), dtype=np.uint8)


def blurred(sigma: float) -> Change:
    """Out of focus by so many pixels of the photo."""
    return lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)


def sideways(image: Image) -> Image:
    """A lamp on the right has failed: light falls off by 40 % from left to right."""
    fall = np.linspace(1.0, 0.6, image.shape[1], dtype=np.float32)[None, :, None]
    return np.asarray(np.clip(image * fall, 0, 255), dtype=np.uint8)


def warmer(image: Image) -> Image:
    """Another white balance: red up and blue down by 8 %."""
    tint = np.array([1.08, 1.0, 0.92], dtype=np.float32)
    return np.asarray(np.clip(image * tint, 0, 255), dtype=np.uint8)


CHANGES: Final[dict[str, Change]] = {
    "light -5 %": brighter(0.95),
    "light -10 %": brighter(0.9),
    "light -20 %": brighter(0.8),
    "light +15 %": brighter(1.15),
    "one lamp out": sideways,
    "white balance": warmer,
    "blur 0.8 px": blurred(0.8),
    "blur 1.5 px": blurred(1.5),
}


def studio(folder: Path) -> None:
    """One stationary place of the studio, and the same parts by a mobile camera."""
    size = (128, 208)
    station = StationConfig(height=size[0], width=size[1])

    def crops(photos: Iterable[StudioPhoto], change: Change = lambda image: image) -> Iterator[Image]:
        for photo in photos:
            cropped = by_polygon(change(photo.image), photo.polygon, station).pixels
            assert cropped is not None
            yield cropped

    def shots(count: int, seed: int, *, damaged: float = 0.0, mobile: bool = False) -> Iterator[StudioPhoto]:
        cameras: tuple[CameraKind, ...] = ("mobile",) if mobile else ("stationary",)
        return photographs(count, seed=seed, damaged=damaged, layouts=("us",), cameras=cameras)

    changed: list[StudioPhoto] = []

    def good() -> Iterator[Image]:
        for at, photo in enumerate(shots(500, 3)):
            if at >= 500 - SOME:
                changed.append(photo)
            yield from crops([photo])

    live: dict[str, Source] = {
        "good": good,
        # The same parts as the last good ones: nothing but the change differs.
        **{name: partial(crops, changed, change) for name, change in CHANGES.items()},
        "mobile camera": lambda: crops(shots(SOME, 5, mobile=True)),
        "damaged": lambda: crops(shots(SOME, 4, damaged=1.0)),
    }
    measure(folder / "studio.npz", lambda: crops(shots(TRAIN, 1)), lambda: crops(shots(HELD_OUT, 2)), live, size)


def tiles(folder: Path, source: Path) -> None:
    """Real photos of magnetic tiles; the same good ones with simulated changes."""
    size = (192, 192)
    paths = sorted((source / "MT_Free" / "Imgs").glob("*.jpg"))
    np.random.default_rng(0).shuffle(paths)
    kinds = ("Blowhole", "Break", "Crack", "Fray", "Uneven")
    bad = sorted(path for kind in kinds for path in (source / f"MT_{kind}" / "Imgs").glob("*.jpg"))
    np.random.default_rng(1).shuffle(bad)

    def read(some: list[Path], change: Change = lambda image: image) -> Iterator[Image]:
        for path in some:
            pixels = cv2.imread(str(path))
            assert pixels is not None
            yield change(np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8))

    ends = np.cumsum([TRAIN, HELD_OUT, 500])
    train, held_out, good = (paths[end - count : end] for end, count in zip(ends, (TRAIN, HELD_OUT, 500), strict=True))
    live: dict[str, Source] = {
        "good": lambda: read(good),
        "damaged": lambda: read(bad[:120]),
        **{name: partial(read, good[-CHANGED:], change) for name, change in CHANGES.items()},
    }
    measure(folder / "tiles.npz", lambda: read(train), lambda: read(held_out), live, size)


def measure(
    target: Path,
    train: Source,
    held_out: Source,
    live: Mapping[str, Source],
    size: tuple[int, int],
) -> None:
    """Fit both kinds, then write raw scores and distances of every set: `kind/set/score`, `kind/set/distance`."""
    spec = ExtractorSpec(input=InputSpec(height=size[0], width=size[1], fit="stretch"))
    pool = ExtractorPool()
    models = [make_model(ModelSpec(kind=kind, extractor=spec), pool) for kind in KINDS]
    stream = EmbeddingStream(models[0].spec.extractor.input)
    extracted = [models[0].extractor(batch) for batch in batches(train())]
    for features in extracted:
        stream.add(features)
    for model in models:
        model.fit_features(extracted, images=TRAIN)
    reference = stream.reference()
    assert reference is not None
    found: dict[str, NDArray[np.float64]] = {}
    for name, pictures in {"held out": held_out, **live}.items():
        scores: dict[str, list[float]] = {kind: [] for kind in KINDS}
        distances: list[float] = []
        for batch in batches(pictures()):
            features = models[0].extractor(batch)
            distances += reference.distances(features).tolist()
            for model in models:
                scores[model.kind] += model.score_features(features).image.tolist()
        for kind in KINDS:
            found[f"{kind}/{name}/score"] = np.array(scores[kind])
            found[f"{kind}/{name}/distance"] = np.array(distances)
        told = ", ".join(f"{kind} {np.median(scores[kind]):.3g}" for kind in KINDS)
        say(f"{name}: {len(distances)} crops, median distance {np.median(distances):.2f}, score {told}")
        np.savez(target, allow_pickle=False, **found)


def version(scores: Sequence[float], distances: Sequence[float]) -> VersionRecord:
    """A version as training registers it, with a threshold of mean + 3 sd."""
    threshold = float(np.mean(scores) + 3 * np.std(scores, ddof=1))
    calibration = Calibration(
        rule="mean_sd", threshold=threshold, good_parts=len(scores), damaged_parts=0, good_scores=kept(scores)
    )
    return VersionRecord(
        version="v1", digest="a" * 64, kind="padim", calibration=calibration, good_distances=kept(distances)
    )


def alarms(
    record: VersionRecord, limits: DriftSettings, scores: Floats, distances: Floats, *, every: int
) -> dict[SignalName, int]:
    """After how many parts each signal's first alarm came, looking after every `every` of them.

    Args:
        record: of the version.
        limits: of the monitor.
        scores: (n,) of the stream.
        distances: (n,) of the stream; or none.
        every: parts between two looks.
    """
    assert record.calibration is not None
    passed = scores < record.calibration.threshold
    before: frozenset[SignalName] = frozenset()
    came: dict[SignalName, int] = {}
    for end in range(every, len(scores) + 1, every):
        held = slice(max(0, end - limits.window_parts), end)
        parts = Parts(passed[held], scores[held][passed[held]], distances[held])
        before = find(WATCHED, parts, record, limits, before).drifting
        for name in before:
            came.setdefault(name, end)
        if len(came) == 2 or (came and not len(distances)):
            break
    return came


def tell(folder: Path, picture: Path | None, every: int = 10) -> None:
    """Stream what was measured through the monitor's decisions: good parts first, then changed ones."""
    limits = DriftSettings()
    for place in ("studio", "tiles"):
        if not (folder / f"{place}.npz").exists():
            continue
        with np.load(folder / f"{place}.npz") as found:
            values = dict(found)
        if "padim/good/score" not in values:
            say(f"{place}: not measured to the end")
            continue
        for kind in KINDS:
            record = version(values[f"{kind}/held out/score"].tolist(), values[f"{kind}/held out/distance"].tolist())
            good, near = values[f"{kind}/good/score"], values[f"{kind}/good/distance"]
            quiet = alarms(record, limits, good, near, every=every)
            say(f"{place} {kind}: alarms on {len(good)} good parts: {quiet or 'none'}")
            at = np.arange(9, len(good), 9)[: len(values[f"{kind}/damaged/score"])]
            rough = alarms(
                record,
                limits,
                np.insert(good, at, values[f"{kind}/damaged/score"][: len(at)]),
                np.insert(near, at, values[f"{kind}/damaged/distance"][: len(at)]),
                every=every,
            )
            say(f"{place} {kind}: alarms with {len(at)} damaged ones among them: {rough or 'none'}")
            assert record.calibration is not None
            for name in sorted({key.split("/")[1] for key in values} - {"good", "held out"}):
                scores, distances = values[f"{kind}/{name}/score"], values[f"{kind}/{name}/distance"]
                shown = good[-limits.window_parts :], near[-limits.window_parts :]
                came = alarms(
                    record,
                    limits,
                    np.concatenate([shown[0], scores]),
                    np.concatenate([shown[1], distances]),
                    every=every,
                )
                after = {signal: at - limits.window_parts for signal, at in came.items()}
                apart = [
                    ks_2samp(live, held_out).statistic
                    for live, held_out in (
                        (scores, values[f"{kind}/held out/score"]),
                        (distances, values[f"{kind}/held out/distance"]),
                    )
                ]
                rejected = float(np.mean(scores >= record.calibration.threshold))
                say(
                    f"  {name}: alarm after {after or 'none'} of {len(scores)}; {rejected:.0%} rejected; KS of all "
                    f"scores {apart[0]:.2f}, of distances {apart[1]:.2f}; median distance {np.median(distances):.2f}"
                )
    if picture is not None:
        draw(folder / "studio.npz", picture)


SHOWN: Final = ("blur 1.5 px", "one lamp out", "mobile camera", "damaged")
GOOD_SHOWN: Final = 500


def draw(measured: Path, picture: Path, kind: str = "patchcore", every: int = 5) -> None:
    """Distances, and both signals' Kolmogorov-Smirnov distance, while a studio place's good parts change."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # late: it takes the backend that was chosen above

    limits = DriftSettings()
    with np.load(measured) as found:
        values = dict(found)
    record = version(values[f"{kind}/held out/score"].tolist(), values[f"{kind}/held out/distance"].tolist())
    assert record.calibration is not None
    figure, axes = plt.subplots(2, len(SHOWN), figsize=(16, 7), sharex=True, sharey="row", layout="constrained")
    for column, name in enumerate(SHOWN):
        scores, distances = (
            np.concatenate([values[f"{kind}/good/{what}"][-GOOD_SHOWN:], values[f"{kind}/{name}/{what}"]])
            for what in ("score", "distance")
        )
        passed = scores < record.calibration.threshold
        upper, lower = axes[0][column], axes[1][column]
        order = np.arange(len(scores)) - GOOD_SHOWN
        upper.scatter(order[passed], distances[passed], s=6, color="#5d6d7e", label="passed")
        upper.scatter(order[~passed], distances[~passed], s=6, color="#c0392b", label="rejected")
        before: frozenset[SignalName] = frozenset()
        ends, ks = [], {"score": [], "embedding": []}  # type: tuple[list[int], dict[SignalName, list[float]]]
        raised: dict[SignalName, int] = {}
        for end in range(limits.min_parts, len(scores) + 1, every):
            held = slice(max(0, end - limits.window_parts), end)
            parts = Parts(passed[held], scores[held][passed[held]], distances[held])
            finding = find(WATCHED, parts, record, limits, before)
            before = finding.drifting
            ends.append(end - GOOD_SHOWN)
            for signal in (finding.score, finding.embedding):
                ks[signal.name].append(np.nan if signal.shift is None else signal.shift.ks)
            for each in before:
                raised.setdefault(each, end - GOOD_SHOWN)
        for each, colour in (("embedding", "#1e8449"), ("score", "#2471a3")):
            lower.plot(ends, ks[each], color=colour, label=f"KS, {each}")  # type: ignore[index]  # the two names
            if each in raised:
                lower.axvline(raised[each], color=colour, linestyle=":", label=f"{each}_drift raised")  # type: ignore[index]  # likewise
        lower.axhline(limits.max_ks, color="#7f8c8d", linewidth=0.8, linestyle="--")
        upper.set_title(f"{name} from part 0")
        lower.set_xlabel("parts")
        lower.legend(fontsize=8, loc="upper left")
    axes[0][0].legend(fontsize=8, loc="upper left")
    axes[0][0].set_ylabel("embedding distance")
    axes[1][0].set_ylabel("KS distance over the window")
    figure.savefig(picture, dpi=80)


CASES: Final = ((300, 20), (300, 50), (300, 100), (300, 400), (200, 100), (500, 100))
"""Window and held-out parts."""


def simulate(runs: int, every: int = 50) -> None:
    """Scores of a skewed distribution (Gumbel, as maxima of patch distances have it), shifted by parts of its sd."""
    random = np.random.default_rng(0)
    none = np.zeros(0)
    for window, held_out in CASES:
        limits = DriftSettings(window_parts=window)
        false, rough = 0, 0
        delays: dict[float, list[float]] = {0.5: [], 1.0: [], 2.0: []}
        for _ in range(runs):
            record = version(random.gumbel(size=held_out).tolist(), ())
            false += bool(alarms(record, limits, random.gumbel(size=2000), none, every=every))
            damage = np.where(random.random(2000) < 0.1, random.normal(4.0, 2.0, 2000), 0.0)
            rough += bool(alarms(record, limits, random.gumbel(size=2000) + damage, none, every=every))
            for shift_by, seen in delays.items():
                moved = random.gumbel(size=1000) + shift_by * np.pi / np.sqrt(6)
                stream = np.concatenate([random.gumbel(size=window), moved])
                at = alarms(record, limits, stream, none, every=every).get("score", np.inf) - window
                seen.append(at if at > 0 else np.nan)
        told = "; ".join(
            f"{shift_by:g} sd seen in {np.mean(np.isfinite(seen)):.0%}, after {np.nanmedian(seen):.0f} (median)"
            for shift_by, seen in delays.items()
        )
        say(f"window {window}, {held_out} held out: false {false}/{runs}, with 10 % damage {rough}/{runs}; {told}")


def endure(runs: int, parts: int, every: int = 100) -> None:
    """False alarms in long streams without drift, at several confidences: many windows, many chances."""
    none = np.zeros(0)
    for held_out in (50, 100, 400):
        for confidence in (0.999, 0.9999):
            random = np.random.default_rng(1)
            limits = DriftSettings(confidence=confidence)
            false = 0
            for _ in range(runs):
                record = version(random.gumbel(size=held_out).tolist(), ())
                false += bool(alarms(record, limits, random.gumbel(size=parts), none, every=every))
            say(
                f"{held_out} held out, confidence {confidence}: {false} of {runs} streams of {parts} good parts alarmed"
            )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("folder", type=Path)
    measuring.add_argument("--tiles", type=Path)
    telling = commands.add_parser("tell")
    telling.add_argument("folder", type=Path)
    telling.add_argument("--picture", type=Path)
    simulating = commands.add_parser("simulate")
    simulating.add_argument("--runs", type=int, default=100)
    simulating.add_argument("--long", type=int, metavar="PARTS", help="false alarms alone, in streams of so many parts")
    arguments = parser.parse_args()
    if arguments.command == "simulate" and arguments.long is None:
        simulate(arguments.runs)
    elif arguments.command == "simulate":
        endure(arguments.runs, arguments.long)
    if arguments.command == "tell":
        tell(arguments.folder, arguments.picture)
    if arguments.command == "measure":
        arguments.folder.mkdir(parents=True, exist_ok=True)
        if arguments.tiles is not None:
            tiles(arguments.folder, arguments.tiles)
        else:
            studio(arguments.folder)


if __name__ == "__main__":
    main()
