"""The options that make a `TrainingSpec`: written once, for every command that takes one."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, Final, Literal

import typer

from shared.events import TrainingSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """How a version is to be made, as a command line says it."""

    spec: TrainingSpec
    reference: bytes | None
    """Content of the reference's file, where `--reference` names a file; the spec has its sha256 then."""


def asked(
    *,
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
            help="What crops are registered to (mask_rcnn): auto takes the station's at the place, else learns one "
            "from the good photos; a file or an artifact in the store is taken as it is.",
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
) -> Asked:
    """What the options come to.

    Raises:
        ArgumentRejected: one of them cannot be understood.
        ReferenceRejected: the reference's file is none.
    """
    from pydantic import ValidationError

    from training import arguments

    arguments.threshold_rule(rule)
    if crop != "mask_rcnn" and reference not in ("auto", "none"):
        raise arguments.ArgumentRejected(f"--reference {reference} goes with --crop mask_rcnn only")
    content = arguments.reference_file(reference)
    try:
        spec = TrainingSpec(
            kind=kind,
            backbone=backbone,
            stages=tuple(stage or (2, 3)),
            weights=weights,
            height=height or size,
            width=width or size,
            fit=fit,
            scaling=scaling,
            crop=crop,
            crop_height=crop_height,
            crop_width=crop_width,
            orient=orient,
            reference=reference if content is None else hashlib.sha256(content).hexdigest(),
            options=arguments.model_options(option or ()),
            rule=rule,
            protocol=protocol,
            split=split,
            seed=seed,
            layouts=tuple(layout or ()),
            cameras=tuple(camera or ()),
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = str(problem["loc"][0]).removesuffix("s").replace("_", "-")
        raise arguments.ArgumentRejected(f"--{name}: {problem['msg']}") from None
    return Asked(spec, content)


_PARAMETERS: Final = inspect.signature(asked, eval_str=True).parameters


def takes_spec(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `asked` in the place of its parameter `how: Asked`."""
    own = inspect.signature(command, eval_str=True).parameters
    before = [p for name, p in own.items() if name != "how"]
    first = [p for p in before if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    rest = [p for p in before if p.kind is inspect.Parameter.KEYWORD_ONLY]

    @wraps(command)
    def with_options(**given: Any) -> None:
        how = asked(**{name: given.pop(name) for name in _PARAMETERS})
        command(**given, how=how)

    signature = inspect.Signature([*first, *_PARAMETERS.values(), *rest])
    with_options.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
    with_options.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    del with_options.__wrapped__  # or its annotations would be read instead
    return with_options
