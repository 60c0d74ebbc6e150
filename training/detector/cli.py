"""``linegate detector``: train the label detector on synthetic scenes, and measure it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train and measure the label detector.", no_args_is_help=True)

_BUILD = Path("build/detector")


@app.command()
def train(  # noqa: PLR0917 - Typer reads the command line from the signature
    out: Annotated[Path, typer.Option(help="Folder of checkpoint, log and weights; resumed if it has any.")] = _BUILD,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 1200,
    batch: Annotated[int, typer.Option(min=1, help="Scenes a step.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the scenes and of the new layers.")] = 0,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak of the cosine schedule.")] = 1.2e-3,
    start: Annotated[Path | None, typer.Option(help="Float32 weights of an earlier round to go on from.")] = None,
    input_size: Annotated[int, typer.Option(min=128, help="Pixels of the longer side.")] = 256,
    backbone: Annotated[str, typer.Option(help="tf_efficientnet_lite0 or resnet50.")] = "tf_efficientnet_lite0",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
) -> None:
    """Train on synthetic scenes; resumable, since checkpoints are written as it goes."""
    import torch
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from shared.models.detector_net import BACKBONES, DetectorConfig
    from training.detector.train import TrainConfig
    from training.detector.train import train as run

    chosen = next((name for name in BACKBONES if name == backbone), None)
    if chosen is None:
        raise typer.BadParameter(f"choose one of {', '.join(BACKBONES)}", param_hint="--backbone")
    torch.set_num_threads(threads)
    columns = (TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.3f}"))
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("train", total=steps, loss=float("nan"))
        weights = run(
            out,
            TrainConfig(steps=steps, batch=batch, seed=seed, learning_rate=learning_rate),
            DetectorConfig(backbone=chosen, input_size=input_size),
            start=start,
            progress=lambda done, _, loss: bar.update(task, completed=done, loss=loss),
        )
    typer.echo(str(weights))


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="Folder that `train` wrote.")],
    to: Annotated[Path, typer.Argument(help="The fp16 file to write, as `LabelDetector.load` reads it.")],
) -> None:
    """Turn a trained folder into the weights file that ships."""
    from training.detector.train import export as run

    try:
        typer.echo(str(run(checkpoint, to)))
    except FileNotFoundError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def orientation(
    to: Annotated[Path, typer.Argument(help="The fp16 file to write, as `LabelOrientation.load` reads it.")],
    steps: Annotated[int, typer.Option(min=10, help="Optimiser steps.")] = 900,
    labels: Annotated[int, typer.Option(min=100, help="Synthetic labels; a tenth is held out.")] = 6000,
    seed: Annotated[int, typer.Option(help="Seed of labels and weights.")] = 0,
) -> None:
    """Train the network that tells an upright label from one upside down."""
    from rich.progress import Progress

    from training.detector.orient import train as run

    with Progress() as bar:
        task = bar.add_task("Training", total=steps)
        run(to, steps=steps, seed=seed, labels=labels, progress=lambda done, _: bar.update(task, completed=done))
    typer.echo(str(to))


@app.command("eval")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Photos with boxed VINs: images/ beside labels/ (YOLO text).")],
    weights: Annotated[Path | None, typer.Option(help="Weights file; the shipped one by default.")] = None,
    gallery: Annotated[Path | None, typer.Option(help="Write a montage of the misses here (PNG).")] = None,
) -> None:
    """Print the share of photos whose VIN lies inside the detected label."""
    from rich.progress import Progress

    from shared.models.detector import LabelDetector
    from training.detector.evaluate import locate, rates, read_split
    from training.detector.gallery import write_gallery

    try:
        photos = list(read_split(folder))
        detector = LabelDetector.load(weights)
    except (FileNotFoundError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    with Progress() as bar:
        task = bar.add_task("Detecting", total=len(photos))
        results = locate(detector, photos, lambda done: bar.advance(task, done))
    summary = rates(results)
    typer.echo(f"photos                               {summary.photos}")
    typer.echo(f"VIN box >= 90 % inside               {summary.contained:.3f}")
    typer.echo(f"  by the slanted text in the box     {summary.contained_text:.3f}")
    typer.echo(f"any label found (score >= 0.05)      {summary.detected:.3f}")
    if gallery is not None:
        typer.echo(str(write_gallery(gallery, [found for found in results if not found.hit])))


@app.command()
def overlap(
    photos: Annotated[int, typer.Option(min=1, help="Held-out studio photos a camera.")] = 100,
    weights: Annotated[Path | None, typer.Option(help="Weights file; the shipped one by default.")] = None,
) -> None:
    """Print how well corners are found on held-out studio photos, for both cameras."""
    import torch
    from rich.progress import Progress

    from shared.models.detector import LabelDetector
    from shared.models.orientation import LabelOrientation
    from training.detector.overlap import measure
    from training.studio.camera import CAMERA_KINDS

    torch.set_num_threads(1)
    detector, orientation_net = LabelDetector.load(weights), LabelOrientation.load()
    with Progress() as bar:
        for camera in CAMERA_KINDS:
            tick = partial(bar.advance, bar.add_task(camera, total=photos))
            figures = measure(detector, orientation_net, camera, photos=photos, progress=tick)
            bar.console.print(figures)
