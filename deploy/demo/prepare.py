"""Make each plant's photos and model with the commands a quality engineer would type."""

import os
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.demo.plan import LIVE_SEED, PLANTS, DemoPlant
from deploy.local.workers import command, environment
from shared.errors import LinegateError

Say = Callable[[str, str], None]
"""Called as `say(plant, what is being done)`."""


def prepare(folder: Path, settings: Mapping[str, str], say: Say) -> None:
    """Photos, model, registration and assignment for every plant, the plants side by side.

    Raises:
        LinegateError: one of the commands failed; the message names its log.
    """
    with ThreadPoolExecutor(len(PLANTS)) as workers:
        for done in [workers.submit(_prepare, plant, folder / plant.name, settings, say) for plant in PLANTS]:
            done.result()


def _prepare(plant: DemoPlant, folder: Path, settings: Mapping[str, str], say: Say) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The plants work side by side: more threads than cores would only make both slower.
    threads = max(1, (os.cpu_count() or 1) // len(PLANTS))
    for what, arguments in commands(plant, folder):
        say(plant.name, what)
        log = folder / "prepare.log"
        with log.open("ab") as output:
            output.write(f"$ linegate {' '.join(arguments)}\n".encode())
            output.flush()
            finished = subprocess.run(  # noqa: S603 - our own command line
                command(*arguments),
                env=environment({**settings, "OMP_NUM_THREADS": str(threads)}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if finished.returncode:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
            raise LinegateError(
                f"{plant.name}: `linegate {arguments[0]}` failed:\n{tail}", hint=f"the whole log: {log}"
            )
    say(plant.name, "ready")


def commands(plant: DemoPlant, folder: Path) -> list[tuple[str, list[str]]]:
    """Each step: what to tell the viewer, and the arguments of `linegate`."""
    studio = ["--layout", plant.layout, "--camera", plant.camera, "--damaged", str(plant.damaged)]
    place = f"{plant.name}/{plant.line}/*/*/{plant.camera}"
    size = ["--height", str(plant.height), "--width", str(plant.width)]
    return [
        (
            f"photographing {plant.train_photos} labels to learn from",
            ["studio", str(folder / "train"), "--photos", str(plant.train_photos), "--seed", str(plant.seed), *studio],
        ),
        (
            f"photographing {plant.live_photos} labels to judge",
            [
                *("studio", str(folder / "live"), "--photos", str(plant.live_photos)),
                *("--seed", str(plant.seed + LIVE_SEED), *studio),
            ],
        ),
        (
            "setting the crop policy",
            ["rollout", "station", place, "--policy", "mask_rcnn", *size],
        ),
        (
            f"training {plant.kind}",
            [
                *("train", str(folder / "train"), "--kind", plant.kind, "--crop", "mask_rcnn", *size),
                *("--out", str(folder / "model"), "--register", "--version", plant.version, "--assign", plant.key),
                *("--fit", "stretch", "--seed", str(plant.seed)),
            ],
        ),
    ]
