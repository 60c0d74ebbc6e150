"""``linegate detector``: train the label detector on synthetic scenes, and measure it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train and measure the label detector.", no_args_is_help=True)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder of checkpoints, log and weights; resumed if it has any.")] = Path(
        "build/detector"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 3000,
    batch: Annotated[int, typer.Option(min=1, help="Scenes a step.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the scenes and of the new layers.")] = 0,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak of the cosine schedule.")] = 1.2e-3,
    start: Annotated[Path | None, typer.Option(help="float32 weights of an earlier round to go on from.")] = None,
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

    if backbone not in BACKBONES:
        raise typer.BadParameter(f"choose one of {', '.join(BACKBONES)}", param_hint="--backbone")
    torch.set_num_threads(threads)
    columns = (TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.3f}"))
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("train", total=steps, loss=float("nan"))
        weights = run(
            out,
            TrainConfig(steps=steps, batch=batch, seed=seed, learning_rate=learning_rate),
            DetectorConfig(backbone=backbone, input_size=input_size),
            start=start,
            progress=lambda done, _, loss: bar.update(task, completed=done, loss=loss),
        )
    typer.echo(str(weights))
