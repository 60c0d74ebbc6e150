"""Answers of the history as tables for a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from shared.history import Bucket, Grouping, PastVerdict, Summary
from shared.settings.plants import PlantsSettings

NOTHING: Final = "-"
BAR: Final = 8
"""Characters of the longest bar."""
LOOK: Final[dict[str, Any]] = {"title_justify": "left", "box": None, "padding": (0, 2, 0, 0), "pad_edge": False}
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_HEADS: Final[dict[Grouping, str]] = {
    "hour": "hour", "day": "day", "shift": "shift", "shift_name": "shift", "plant": "plant", "line": "line",
    "station": "station", "layout": "layout", "camera": "camera", "version": "version",
}  # fmt: skip
_TIMES: Final[dict[Grouping, str]] = {"hour": "%Y-%m-%d %H:%M %Z", "day": "%Y-%m-%d", "shift": "%Y-%m-%d"}


def summary_table(summary: Summary, plants: PlantsSettings) -> Table:
    """One row a group and one over all; the bar is the fail rate against the highest one."""
    table = Table(title=_title(summary), **LOOK)
    table.add_column(_HEADS[summary.by], no_wrap=True)
    for head in ("parts", "failed", "unfound", "rate"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("p50 / p95 ms", justify="right", no_wrap=True)
    highest = max((bucket.fail_rate for bucket in summary.buckets), default=0.0)
    several = len({bucket.plant for bucket in summary.buckets if bucket.plant}) > 1
    for bucket in summary.buckets:
        share = bucket.fail_rate / highest if highest else 0.0
        table.add_row(label(bucket, summary.by, plants, with_plant=several), *_numbers(bucket, bar(share)))
    table.add_section()
    table.add_row("all", *_numbers(summary.total, Text()), style="bold")
    return table


def part_table(part: str, verdicts: Sequence[PastVerdict], plants: PlantsSettings) -> Table:
    """The verdicts on one part, newest first."""
    table = Table(title=f"verdicts on part {part}", **LOOK)
    for head in ("captured", "place", "verdict", "score", "version", "photo"):
        narrow = head in {"captured", "score"}
        table.add_column(head, justify="right" if head == "score" else "left", overflow="fold", no_wrap=narrow)
    for one in verdicts:
        failed = one.decision == "fail"
        told = f"fail ({', '.join(one.failed_checks)})" if failed else one.decision
        table.add_row(
            _local(one.captured, plants, one.plant).strftime("%Y-%m-%d %H:%M %Z"),
            f"{one.plant} {one.line} {one.station} {one.layout}",
            Text(told, style="red" if failed else "green"),
            f"{_number(one.score)} / {_number(one.threshold)}",
            one.version or NOTHING,
            one.image,
        )
    return table


def label(bucket: Bucket, by: Grouping, plants: PlantsSettings, *, with_plant: bool) -> str:
    """What a group is called, its time by the plant's clock."""
    words = [bucket.plant] if with_plant and bucket.plant and by != "plant" else []
    if bucket.begin is not None:
        words.append(_local(bucket.begin, plants, bucket.plant).strftime(_TIMES.get(by, "%c")))
    if bucket.line is not None:
        words.append(bucket.line)
    if bucket.name is not None:
        words.append(bucket.name)
    elif by not in {"hour", "day"}:
        words.append("(none)")
    return " ".join(words)


def bar(share: float) -> Text:
    """A bar for a share of 0 to 1, in eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * BAR * 8)
    return Text("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else ""), style="red")


def _numbers(bucket: Bucket, drawn: Text) -> tuple[str | Text, ...]:
    counts = (bucket.parts, bucket.failed, bucket.unfound)
    rate = f"{bucket.fail_rate:.2%}" if bucket.parts else NOTHING
    p50, p95 = (
        NOTHING if value is None else f"{value:,.0f}" for value in (bucket.latency_p50_ms, bucket.latency_p95_ms)
    )
    return (*(f"{count:,}" for count in counts), rate, drawn, f"{p50} / {p95}")


def _title(summary: Summary) -> str:
    scope = summary.scope
    names = ("plant", "line", "station", "layout", "camera", "version")
    told = [f"{name} {value}" for name in names if (value := getattr(scope, name)) is not None]
    cut = " (not all groups are shown)" if summary.truncated else ""
    return f"by {_HEADS[summary.by]}{': ' if told else ''}{', '.join(told)}{cut}"


def _local(moment: datetime, plants: PlantsSettings, plant: str | None) -> datetime:
    return moment.astimezone(ZoneInfo(plants.zone if plant is None else plants.of(plant).zone))


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
