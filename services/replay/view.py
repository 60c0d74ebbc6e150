"""A replay for people at a terminal: a live table while it runs, an account at its end."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.tally import Summary
from services.verdict_view import STYLES, place_text, score_text
from shared.events import Verdict


def live_view(total: int, summary: Summary, recent: Sequence[Verdict]) -> RenderableType:
    """The latest verdicts, newest first, and one line of counts."""
    table = Table(expand=False)
    for heading in ("part", "place", "verdict", "damage", "model", "arm"):
        table.add_column(heading, no_wrap=True)
    for verdict in reversed(recent):
        table.add_row(
            verdict.part,
            place_text(verdict),
            Text(verdict.decision.upper(), style=STYLES[verdict.decision]),
            next((score_text(check) for check in verdict.checks if check.name == "damage"), ""),
            "" if verdict.model is None else verdict.model.version,
            "" if verdict.model is None else verdict.model.arm,
        )
    counts = (
        f"{summary.photos} of {total} sent, {summary.verdicts} verdicts, {summary.missing} awaited, "
        f"{summary.dead_letters} dead letters, {summary.duplicates} duplicates"
    )
    return Group(table, Text(counts))


def summary_view(summary: Summary, reasons: Sequence[str]) -> RenderableType:
    """The account at the end, and why photos were set aside or refused."""
    table = Table(show_header=False, title="Account", title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    for name, number, wrong in (
        ("photos", summary.photos, False),
        ("verdicts", summary.verdicts, False),
        ("missing", summary.missing, True),
        ("duplicates", summary.duplicates, True),
        ("not sent", summary.refused, True),
        ("dead letters", summary.dead_letters, False),
        ("pass", summary.passed, False),
        ("fail", summary.failed, False),
    ):
        table.add_row(name, Text(str(number), style="bold red" if wrong and number else ""))
    table.add_row("latency p50", _seconds(summary.p50))
    table.add_row("latency p99", _seconds(summary.p99))
    for ranking in summary.rankings:
        value = "needs good and bad" if ranking.auroc is None else f"{ranking.auroc:.3f}"
        table.add_row(f"AUROC {ranking.version}", f"{value}  ({ranking.good} good, {ranking.bad} bad)")
    return Group(table, *(Text(f"- {reason}", style="yellow") for reason in reasons))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"
