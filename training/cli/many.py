"""`linegate train many`: the versions of a plan, for many plants, layouts and cameras at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def many(
    plan: Annotated[Path, typer.Argument(help="The plan, TOML; docs/train-many.md shows one.")],
    *,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="local: processes of this machine; ray: tasks of a Ray cluster.")
    ] = "local",
    out: Annotated[
        Path, typer.Option(help="Folder for the versions; what is finished in it is not made again.")
    ] = Path("models"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is wanted, and make nothing.")] = False,
    register: Annotated[
        bool, typer.Option("--register", help="Make each version known as a candidate; never puts one in force.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Versions at a time; they share the cores (local).")] = 1,
    retries: Annotated[int, typer.Option(min=0, help="How often one is begun again whose process or node died.")] = 1,
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster, HOST:PORT; default: a Ray of our own, here.")
    ] = None,
    cpus: Annotated[int, typer.Option(min=1, help="Cores and threads of each version (ray).")] = 1,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of each version; 0.5 shares one between two (ray).")] = 0.0,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda, ...; default: auto, on ray without --gpus cpu.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps crops between runs.")] = None,
    author: Annotated[str, typer.Option(envvar="USER", help="Who, where the plan does not say.")] = "unknown",
) -> None:
    """Make every version that a plan wants and that is not there yet; a run that was cut off goes on."""
    from rich.console import Console

    from shared.settings import load_settings
    from training import publish
    from training.many.choice import Choice, engine_of
    from training.many.expand import expand
    from training.many.plan import PlanRejected, read_plan
    from training.many.rows import Row
    from training.many.session import work
    from training.many.survey import check_methods, survey
    from training.many.view import print_planned
    from training.order import Means

    try:
        planned = survey(plan, expand(read_plan(plan), author=author))
        check_methods(plan, planned)
    except PlanRejected as rejected:
        for line in rejected.mistakes if len(rejected.mistakes) > 1 else ():
            typer.echo(line, err=True)
        raise
    console = Console()
    if dry_run:
        print_planned(
            console, [Row(one, "skipped" if one.skipped else "to make", why=one.skipped or "") for one in planned]
        )
        return
    settings = publish.able_to_sign(load_settings(), wanted=register)
    means = Means(
        limits=settings.images,
        detector=None if settings.crop.weights is None else settings.crop.weights.resolve(),
        cache=None if cache is None else cache.resolve(),
        device=device or ("cpu" if engine == "ray" and not gpus else "auto"),
    )
    choice = Choice(engine=engine, workers=workers, retries=retries, ray_address=ray_address, cpus=cpus, gpus=gpus)
    work(
        plan,
        planned,
        out=out,
        engine=engine_of(choice, settings),
        means=means,
        settings=settings,
        register=register,
        console=console,
    )
