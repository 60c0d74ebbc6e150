"""What the demo shows in the terminal: verdicts as they come, then the account."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.verdict_view import STYLES, score_text
from shared.events import Verdict

ROWS: Final = 14


def live_view(latest: Sequence[Verdict], damaged: Mapping[str, bool], *, judged: int, total: int) -> RenderableType:
    """The latest verdicts, newest last, with the truth beside them, and how far the run is."""
    table = Table(title="verdicts on linegate.verdicts", title_justify="left", expand=False)
    for name in ("plant", "part", "decision", "damage score", "model", "latency", "in truth"):
        table.add_column(name, no_wrap=True, justify="right" if name == "latency" else "left")
    for verdict in latest[-ROWS:]:
        damage = next(check for check in verdict.checks if check.name == "damage")
        latency = verdict.timings.capture_to_verdict
        truth = "damaged" if damaged[verdict.image] else "good"
        right = damaged[verdict.image] == (verdict.decision == "fail")
        table.add_row(
            verdict.plant,
            verdict.part,
            Text(verdict.decision.upper(), style=STYLES[verdict.decision]),
            score_text(damage) or "no label found",
            "" if verdict.model is None else f"{verdict.model.kind}, {verdict.model.arm}",
            "" if latency is None else f"{latency:.0f} ms",
            Text(truth, style="" if right else "bold yellow"),
        )
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=total, completed=judged, width=60), f"{judged} of {total}")
    return Group(table, bar)


def summary_view(summary: Mapping[str, Any]) -> RenderableType:
    """The account, and a row for each model."""
    account = Table.grid(padding=(0, 2))
    sound = summary["missing"] == summary["duplicates"] == summary["dead_letters"] == 0
    account.add_row("photos in", str(summary["photos"]))
    account.add_row("verdicts out", Text(str(summary["verdicts"]), style=STYLES["pass" if sound else "fail"]))
    for name in ("missing", "duplicates", "dead_letters"):
        account.add_row(name.replace("_", " "), Text(str(summary[name]), style=STYLES["fail"] if summary[name] else ""))
    latency = summary["latency_ms"]
    account.add_row("latency", f"{latency['p50']} ms median, {latency['p99']} ms at the 99th percentile")
    account.add_row("throughput", f"{summary['throughput_per_s']} verdicts per second")
    account.add_row("on", f"{summary['broker']}, Redis {summary['redis']}")
    models = Table(title="models", title_justify="left")
    columns = ("version", "plant", "photos", "damaged", "AUROC", "recall at precision .95", "caught", "missed")
    for name in (*columns, "false alarms"):
        models.add_column(name)
    for model in summary["models"]:
        models.add_row(
            model["version"],
            ", ".join(model["plants"]),
            str(model["photos"]),
            str(model["damaged"]),
            f"{model['auroc']:.3f}",
            f"{model['recall_at_precision']['0.95']:.3f}",
            str(model["caught"]),
            str(model["missed"]),
            str(model["false_alarms"]),
        )
    return Group(account, models)
