"""`linegate train`: from a folder of photos to a model version with its report."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def train(
    data: Annotated[
        Path | None,
        typer.Argument(help="A manifest (.csv, .jsonl), a folder with one, good/ and bad/ folders, or MVTec's layout."),
    ] = None,
    *,
    good: Annotated[
        list[str] | None, typer.Option(help="Glob of good photos, instead of a layout; repeatable.")
    ] = None,
    bad: Annotated[list[str] | None, typer.Option(help="Glob of damaged photos; repeatable.")] = None,
    layout: Annotated[list[str] | None, typer.Option(help="Take these layouts only; repeatable.")] = None,
    camera: Annotated[list[str] | None, typer.Option(help="Take this imaging situation only; repeatable.")] = None,
    kind: Annotated[Literal["patchcore", "padim"], typer.Option(help="The method.")] = "padim",
    backbone: Annotated[str, typer.Option(help="Any timm backbone with features_only.")] = "tf_efficientnet_lite0",
    stage: Annotated[list[int] | None, typer.Option(help="Backbone stages, finest first; default 2 3.")] = None,
    weights: Annotated[
        str, typer.Option(help="auto, package, hub, folder:PATH or random:SEED (plumbing only).")
    ] = "auto",
    size: Annotated[int, typer.Option(min=32, max=2048, help="Height and width of the network's input.")] = 256,
    height: Annotated[int | None, typer.Option(min=32, max=2048, help="Height alone.")] = None,
    width: Annotated[int | None, typer.Option(min=32, max=2048, help="Width alone.")] = None,
    fit: Annotated[Literal["pad", "stretch"], typer.Option(help="How a crop of another shape is fitted.")] = "pad",
    scaling: Annotated[
        Literal["weights", "unit", "gaussian"], typer.Option(help="How pixel values are scaled.")
    ] = "weights",
    crop: Annotated[
        Literal["mask_rcnn", "full_frame", "polygon", "none"],
        typer.Option(help="How the part is found; polygon takes the manifest's corners, none takes finished crops."),
    ] = "mask_rcnn",
    crop_height: Annotated[int | None, typer.Option(min=16, max=4096, help="Largest crop; default: the input.")] = None,
    crop_width: Annotated[int | None, typer.Option(min=16, max=4096, help="Largest crop; default: the input.")] = None,
    orient: Annotated[bool, typer.Option(help="Turn crops into reading direction (mask_rcnn).")] = True,
    reference: Annotated[
        str,
        typer.Option(
            metavar="auto|learn|none|FILE|SHA256",
            help="What crops are registered to (mask_rcnn): auto takes the station's at --assign, else learns one from "
            "the good photos; a file or an artifact in the store is taken as it is.",
        ),
    ] = "auto",
    option: Annotated[list[str] | None, typer.Option(help="key=value of the method, e.g. coreset_ratio=0.1.")] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE[=NUMBER]",
            help="Threshold rule: precision=0.95, mean_sd=3, gumbel=0.99, quantile=0.99, manual=SCORE. "
            "Default: precision with 20 or more damaged calibration parts, else mean_sd.",
        ),
    ] = None,
    protocol: Annotated[
        Literal["clean", "author"], typer.Option(help="author: threshold by equal error rate on the test itself.")
    ] = "clean",
    split: Annotated[
        Literal["half", "study"], typer.Option(help="Damaged parts to calibration and test: half/half or 85/15.")
    ] = "half",
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the method's sampling and the intervals.")] = 0,
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
    from shared.models.bundle import write_bundle
    from shared.models.extractor import ExtractorPool
    from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
    from shared.registry.records import StationConfig
    from shared.settings import load_settings
    from training import arguments, publish
    from training.data.source import open_data
    from training.fit import TrainOptions
    from training.fit import train as fit_model
    from training.papers import NAMES, write_papers
    from training.progress import bars
    from training.summary import print_summary
    from training.version_record import version_record

    # Everything that can be wrong about the question is told before the minutes of work.
    chosen_rule, number = arguments.threshold_rule(rule)
    key = arguments.place_key(assign)
    source = arguments.narrowed(open_data(data, good=good or (), bad=bad or ()), layout or (), camera or ())
    name = arguments.version_name(version, source.name, kind, now())
    settings = publish.able_to_sign(load_settings(), wanted=register or key is not None)
    bundle = out / f"{name}.safetensors"
    if taken := next((path for path in (bundle, *(out / paper for paper in NAMES.values())) if path.exists()), None):
        raise arguments.ArgumentRejected(f"{taken} exists already", hint="choose another --out folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise arguments.ArgumentRejected(f"cannot write to {out}: {error.strerror}") from None
    shape = InputSpec(height=height or size, width=width or size, fit=fit, scaling=scaling)
    extractor = ExtractorSpec(
        backbone=backbone, stages=tuple(stage or (2, 3)), weights=WeightsSpec(source=weights), input=shape
    )
    spec = ModelSpec(kind=kind, extractor=extractor, options={"seed": seed, **arguments.model_options(option or ())})
    station = StationConfig(
        policy="mask_rcnn" if crop == "mask_rcnn" else "full_frame",
        height=crop_height or shape.height,
        width=crop_width or shape.width,
        orient=orient,
    )
    options = TrainOptions(
        crop=crop,
        station=station,
        scheme=split,
        protocol=protocol,
        rule=chosen_rule,
        parameter=number,
        seed=seed,
        reference=arguments.reference(reference, crop, key, settings),
        limits=settings.images,
        detector=settings.crop.weights,
        cache=cache,
    )
    console = Console()
    with bars(console) as progress:
        result = fit_model(source, spec, options, pool=ExtractorPool(device), progress=progress)
    digest = write_bundle(bundle, result.model, result.card)
    papers = write_papers(out, result, version=name, digest=digest)
    print_summary(console, result, version=name, digest=digest, files={"bundle": bundle, **papers})
    if not register and key is None:
        return
    record = version_record(
        name, result.model, result.card, digest=digest, author=author, note=f"trained on {source.name}", place=key
    )
    publish.register(
        bundle,
        record,
        [path for path in papers.values() if path.suffix != bundle.suffix],
        settings,
        reference=result.reference,
    )
    console.print(f"registered {name}", markup=False)
    if key is not None:
        revision = publish.assign(key, name, author=author, settings=settings)
        console.print(f"champion at {key} since revision {revision}", markup=False)
        for line in publish.set_station(key, result.card.crop, station.presence, author=author, settings=settings):
            console.print(line, markup=False, style="yellow" if line.startswith("warning") else None)
