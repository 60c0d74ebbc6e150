"""`linegate train fit`: from a folder of photos to a model version with its report, in this very process."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.spec_options import Asked, takes_spec


@takes_spec
def fit(
    data: Annotated[
        Path | None,
        typer.Argument(help="A manifest (.csv, .jsonl), a folder with one, good/ and bad/ folders, or MVTec's layout."),
    ] = None,
    *,
    how: Asked,
    good: Annotated[
        list[str] | None, typer.Option(help="Glob of good photos, instead of a layout; repeatable.")
    ] = None,
    bad: Annotated[list[str] | None, typer.Option(help="Glob of damaged photos; repeatable.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps crops between trainings.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the bundle, the report and the model card.")] = Path("model"),
    version: Annotated[str | None, typer.Option("--version", help="Name of the version; default: made up.")] = None,
    register: Annotated[bool, typer.Option("--register", help="Put it into the store and the registry.")] = False,
    assign: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Register, and make it champion at plant/line/station/layout/camera."),
    ] = None,
    author: Annotated[str, typer.Option(envvar="USER", help="Who, for the registry's audit.")] = "unknown",
) -> None:
    """Fit a model on good parts, set its threshold, measure it on a locked test, write bundle and report."""
    from rich.console import Console

    from shared.events.base import now
    from shared.settings import load_settings
    from training import arguments, publish
    from training.data.source import open_data
    from training.make_version import make_version
    from training.order import Means, Order, station_of
    from training.progress import bars
    from training.summary import print_summary

    # Everything that can be wrong about the question is told before the minutes of work.
    key = arguments.place_key(assign)
    source = open_data(data, good=good or (), bad=bad or ())
    order = Order(
        version=arguments.version_name(version, source.name, how.spec.kind, now()),
        spec=how.spec,
        place=key,
        author=author,
    )
    settings = publish.able_to_sign(load_settings(), wanted=register or key is not None)
    means = Means(limits=settings.images, detector=settings.crop.weights, cache=cache, device=device)
    reference = how.reference or publish.reference_of(how.spec, key, settings)
    console = Console()
    with bars(console) as progress:
        made, result = make_version(order, source, out, means=means, reference=reference, progress=progress)
    record = made.record
    print_summary(
        console, result, version=record.version, digest=record.digest, files={"bundle": made.bundle, **made.papers}
    )
    if not register and key is None:
        return
    publish.publish_version(made, settings)
    console.print(f"registered {record.version}", markup=False)
    if key is not None:
        revision = publish.assign(key, record.version, author=author, settings=settings)
        console.print(f"champion at {key} since revision {revision}", markup=False)
        presence = station_of(how.spec).presence
        for line in publish.set_station(key, record.crop, presence, author=author, settings=settings):
            console.print(line, markup=False, style="yellow" if line.startswith("warning") else None)
