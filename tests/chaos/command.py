"""The command line of the chaos run."""

import json
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.chaos.plan import Plan, Size, make_plan
from tests.chaos.run import Outcome, Progress, run_chaos
from tests.chaos.summary import blindness, complaints, summarise
from tests.chaos.timeline import draw
from tests.chaos.without_transactions import Delivery

PLAIN_S: Final = 15.0
"""Between two lines of progress where nobody looks at a terminal."""
CONTROL: Final = Size(1_500, 75.0, 14, 1, 1, 1, 1, 2, 3)
"""Small, for without transactions a handful of kills is enough to be seen."""
CONTROL_PATIENCE_S: Final = 30.0
"""What offsets-first has lost never comes."""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def chaos(
    *,
    seed: Annotated[int, typer.Option(help="Of the schedule and the photos.")] = 1,
    events: Annotated[int, typer.Option(min=1, help="Photos to send.")] = 20_000,
    minutes: Annotated[float, typer.Option(min=0.1, help="Length of the schedule.")] = 12.0,
    sigkills: Annotated[int, typer.Option(min=0)] = 50,
    sigstops: Annotated[int, typer.Option(min=0)] = 8,
    broker_restarts: Annotated[int, typer.Option(min=0)] = 10,
    redis_restarts: Annotated[int, typer.Option(min=0)] = 10,
    network_faults: Annotated[int, typer.Option(min=0)] = 10,
    visits: Annotated[int, typer.Option(min=0, help="Guest workers that join and leave.")] = 12,
    swaps: Annotated[int, typer.Option(min=0, help="New model versions, besides those of the kills.")] = 24,
    control: Annotated[bool, typer.Option(help="Also run the controls without transactions.")] = True,
    run: Annotated[bool, typer.Option(help="Run the product; without it, the controls alone.")] = True,
    patience: Annotated[float, typer.Option(help="Seconds without an answer after which the rest is stuck.")] = 90.0,
    folder: Annotated[Path, typer.Option(help="Receives summary.json, timeline.png, and a folder per run.")] = Path(
        "build/chaos"
    ),
) -> None:
    """Photos through real workers while everything around them fails. Exit status 1 on any violation."""
    size = Size(
        events, minutes * 60, sigkills, sigstops, broker_restarts, redis_restarts, network_faults, visits, swaps
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also in the background, where a shell has SIGINT ignored: the servers and workers have to be ended.
        signal.signal(number, signal.default_int_handler)
    console = Console()
    failures: list[str] = []
    summary: dict[str, Any] = {"seed": seed}
    own = folder / f"seed-{seed}"
    if run:
        outcome = _one(make_plan(seed, size), own / "run", Delivery.TRANSACTIONS, patience=patience, console=console)
        failures += complaints(outcome)
        summary = summarise(outcome)
        draw(outcome, own / "timeline.png")
    if control:
        summary["control"] = {}
        for delivery in (Delivery.OUTPUT_FIRST, Delivery.OFFSETS_FIRST):
            plan, name = make_plan(seed, CONTROL), delivery.replace(" ", "-")
            outcome = _one(plan, own / name, delivery, patience=CONTROL_PATIENCE_S, console=console)
            summary["control"][delivery] = summarise(outcome)
            if (blind := blindness(outcome)) is not None:
                failures.append(blind)
    summary["passed"] = not failures
    _keep(summary, own, folder)
    _show(summary, failures, own, console)
    raise typer.Exit(1 if failures else 0)


def _one(plan: Plan, folder: Path, delivery: Delivery, *, patience: float, console: Console) -> Outcome:
    console.rule(f"seed {plan.seed}, {plan.size.events} photos, {delivery}")
    started = time.monotonic()
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        spoken = 0.0

        def look(progress: Progress) -> None:
            nonlocal spoken
            elapsed = time.monotonic() - started
            line = _line(progress, elapsed)
            if console.is_terminal:
                live.update(line)
            elif elapsed - spoken > PLAIN_S:
                spoken = elapsed
                console.print(line, highlight=False)

        outcome = run_chaos(plan, folder, delivery=delivery, patience=patience, look=look)
    if not any(found for _, found in outcome.findings.items()) and not outcome.marks.trouble:
        # Broker data and models tell nothing any more; the logs stay.
        for name in ("servers", "store", "cache", "photos", "bundles"):
            shutil.rmtree(folder / name, ignore_errors=True)
    return outcome


def _line(progress: Progress, elapsed: float) -> str:
    counts = progress.marks.counts()
    faults = ", ".join(f"{count} {kind.replace('_', ' ')}s" for kind, count in sorted(counts.items()))
    return (
        f"{elapsed:5.0f} s  {progress.phase}: {progress.acknowledged} photos, {progress.verdicts} verdicts, "
        f"{progress.dead_letters} dead letters; {faults}"
    )


def _keep(summary: dict[str, Any], own: Path, folder: Path) -> None:
    (own / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    for name in ("summary.json", "timeline.png"):
        if (own / name).exists():
            shutil.copy(own / name, folder / name)


def _show(summary: dict[str, Any], failures: Sequence[str], own: Path, console: Console) -> None:
    table = Table("", "the product", *summary.get("control", {}))
    runs = [summary, *summary.get("control", {}).values()]
    for name in (
        "events", "verdicts", "dead_letters", "lost", "duplicates", "sigkills", "sigstops", "broker_restarts",
        "redis_restarts", "network_faults", "longest_stall_s", "seconds",
    ):  # fmt: skip
        table.add_row(name, *(str(run.get(name, "")) for run in runs))
    console.print(table)
    console.print(f"{own}/summary.json, {own}/timeline.png")
    for failure in failures:
        console.print(f"[red]failed:[/red] {failure}", soft_wrap=True)
    sys.stdout.flush()
