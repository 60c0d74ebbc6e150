"""`linegate train recalibrate`: move a version's threshold to a precision target by what people found."""

from pathlib import Path
from typing import Annotated

import typer


def recalibrate(
    version: Annotated[str, typer.Argument(help="The version whose parts people looked at.")],
    *,
    place: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="Labels of places under plant/line/station/layout/camera; also where the new version is a candidate.",
        ),
    ],
    precision: Annotated[float, typer.Option(help="Share of stopped parts that must be damaged, e.g. 0.996.")],
    confidence: Annotated[
        float, typer.Option(help="One-sided, of precision's lower bound; 0 takes the plain share instead.")
    ] = 0.9,
    audited: Annotated[
        bool,
        typer.Option(
            "--audited",
            help="The parts that passed and were looked at were picked by chance: then the threshold may also fall.",
        ),
    ] = False,
    since: Annotated[str | None, typer.Option(help="Findings of e.g. 30d, 12h or a date on; all by default.")] = None,
    name: Annotated[str | None, typer.Option("--as", help="Name of the new version; default: made up.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the bundle and the report.")] = Path("model"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell; write nothing.")] = False,
    author: Annotated[str, typer.Option(envvar="USER", help="Who, for the registry's audit.")] = "unknown",
) -> None:
    """Choose the lowest threshold whose precision, by feedback, reaches a target (docs/feedback.md).

    It becomes a new version, registered as a candidate: the same tensors, another threshold. Nothing is promoted. Exit
    status 0: there is a new version, or none is needed; 1: no threshold reaches the target.
    """  # fmt: skip
    from rich.console import Console

    from shared.events.base import now
    from shared.registry.client import Registry
    from shared.settings import load_settings
    from training import arguments, publish
    from training.order import Made
    from training.progress import bars
    from training.recalibrate.choice import RecalibrationRejected, choose
    from training.recalibrate.labels import Wanted, field_labels, read_labels
    from training.recalibrate.report import NAME, print_summary, render
    from training.recalibrate.version import fetch_former, new_bundle, new_card, new_name, new_record
    from training.recalibrate.wording import caveats
    from training.recalibrate.write import write_version
    from training.since import since as moment

    started, console = now(), Console()
    key = arguments.place_key(place)
    assert key is not None  # noqa: S101 - a place was given
    start = moment(since, now=started)
    made_name = new_name(name, version, started)
    settings = publish.able_to_sign(load_settings(), wanted=not dry_run)
    bundle = out / f"{made_name}.safetensors"
    if not dry_run and (taken := next((path for path in (bundle, out / NAME) if path.exists()), None)):
        raise arguments.ArgumentRejected(f"{taken} exists already", hint="choose another --out folder")
    with Registry(settings.redis) as registry:
        record = registry.version(version)
        if record is None:
            raise RecalibrationRejected(
                f"version {version} is not registered", hint="`linegate rollout versions` lists them"
            )
        if not dry_run and registry.version(made_name) is not None:
            raise RecalibrationRejected(f"version {made_name} is registered already", hint="--as names another")
    former = fetch_former(record, settings)
    wanted = Wanted(record.digest, key, start)
    with bars(console) as progress:
        labels = field_labels(read_labels(settings.bus), wanted, told=lambda number: progress("labels", number, None))
    choice = choose(
        labels.scores,
        labels.damaged,
        present=former.card.calibration.threshold,
        target=precision,
        confidence=confidence,
        audited=audited,
    )
    print_summary(console, choice, labels, former=version, place=key.root)
    if choice.chosen is None:
        raise typer.Exit(1)
    if dry_run or choice.chosen.threshold == former.card.calibration.threshold:
        return
    card = new_card(former, choice, labels, wanted, caveats(choice), now=started)
    digest = write_version(bundle, new_bundle(former, card))
    report = out / NAME
    report.write_text(
        render(choice, labels, former=version, version=made_name, digest=digest, place=key.root), encoding="utf-8"
    )
    made = new_record(former, card, wanted, name=made_name, digest=digest, author=author)
    publish.publish_version(Made(record=made, bundle=bundle, papers={"report": report}), settings)
    console.print(f"registered {made_name}, a candidate at {key}", markup=False)
    for what, path in (("bundle", str(bundle)), ("report", str(report)), ("sha256", digest)):
        console.print(f"  {what}  {path}", markup=False, soft_wrap=True)
    console.print(f"  put it on trial: linegate rollout shadow {key} {made_name}", markup=False, soft_wrap=True)
