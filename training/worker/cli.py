"""`linegate serve train`."""

import typer


def serve() -> None:
    """Train what is asked for on linegate.training.requests, one job at a time (docs/training-service.md)."""
    from shared.serving.serve import serve as run
    from training.worker.main import main

    raise typer.Exit(run("train", main))
