"""``linegate studio``: make a data set of synthetic label photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make photos of vehicle labels, good and damaged, with ground truth.")


@app.command()
def studio(  # noqa: PLR0917 - Typer reads the command line from the signature
    out: Annotated[Path, typer.Argument(help="Folder to write: images/, masks/, manifest.jsonl.")],
    photos: Annotated[int, typer.Option(min=1, help="How many photos.")] = 300,
    damaged: Annotated[float, typer.Option(min=0, max=1, help="Share of them with a defect.")] = 0.25,
    camera: Annotated[
        list[str] | None, typer.Option(help="stationary or mobile; repeat for both (the default).")
    ] = None,
    layout: Annotated[
        list[str] | None, typer.Option(help="Layout such as row, us, cn; repeat for several (default: all).")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same photos.")] = 0,
) -> None:
    """Write a data set of synthetic label photos, the same bytes for the same seed."""
    from rich.progress import track

    from training.studio.camera import CAMERA_KINDS
    from training.studio.dataset import write_dataset
    from training.studio.layouts import LAYOUTS
    from training.studio.photo import photographs

    cameras = [kind for kind in CAMERA_KINDS if camera is None or kind in camera]
    if camera is not None and (unknown := set(camera) - set(CAMERA_KINDS)):
        raise typer.BadParameter(
            f"unknown {', '.join(sorted(unknown))}; choose stationary or mobile", param_hint="--camera"
        )
    if layout is not None and (unknown := set(layout) - set(LAYOUTS)):
        raise typer.BadParameter(
            f"unknown {', '.join(sorted(unknown))}; choose from {', '.join(LAYOUTS)}", param_hint="--layout"
        )
    stream = photographs(photos, seed=seed, damaged=damaged, layouts=layout or list(LAYOUTS), cameras=cameras)
    try:
        manifest = write_dataset(out, track(stream, total=photos, description="Photographing"))
    except FileExistsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(str(manifest))
