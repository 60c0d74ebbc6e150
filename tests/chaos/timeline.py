"""A run as a picture: photos in, answers out, who waited, and what was done to the line meanwhile."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from tests.chaos.history import longest_stall
from tests.chaos.marks import Mark, MarkKind
from tests.chaos.run import Outcome

BIN_S: Final = 2.0
LANES: Final[dict[MarkKind, tuple[str, str]]] = {
    "sigkill": ("SIGKILL", "#c0392b"),
    "sigstop": ("SIGSTOP", "#8e44ad"),
    "broker_restart": ("broker restart", "#d35400"),
    "redis_restart": ("Redis restart", "#b7950b"),
    "network_fault": ("network fault", "#2471a3"),
    "visit": ("guest worker", "#7f8c8d"),
    "model_swap": ("model swap", "#148f77"),
}
SENT: Final = "#95a5a6"
ANSWERED: Final = "#1e8449"


def draw(outcome: Outcome, path: Path) -> None:
    """Write the picture as PNG."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sent = np.sort([photo.at for photo in outcome.sent.values()]) - outcome.started
    answers = [seen for seen in outcome.committed if seen.kind in ("verdict", "dead_letter")]
    answered = np.sort([seen.at for seen in answers]) - outcome.started
    end = max([*sent[-1:], *answered[-1:], *(mark.end - outcome.started for mark in outcome.marks.all()), BIN_S])
    figure, (rate, waiting, lanes) = plt.subplots(
        3, 1, figsize=(16, 9), sharex=True, height_ratios=(3, 2, 3), layout="constrained"
    )
    edges = np.arange(0.0, end + BIN_S, BIN_S)
    rate.stairs(np.histogram(sent, edges)[0] / BIN_S, edges / 60, color=SENT, fill=True, alpha=0.5, label="photos sent")
    rate.stairs(np.histogram(answered, edges)[0] / BIN_S, edges / 60, color=ANSWERED, label="verdicts and dead letters")
    rate.set_ylabel("per second")
    rate.legend(loc="upper left", ncols=2, frameon=False)
    moments = np.linspace(0.0, end, 2000)
    in_hand = np.searchsorted(sent, moments, "right") - np.searchsorted(answered, moments, "right")
    waiting.fill_between(moments / 60, in_hand, color="#e67e22", alpha=0.6, linewidth=0)
    waiting.set_ylabel("photos waiting")
    _draw_lanes(lanes, outcome)
    rate.set_title(_title(outcome), loc="left", fontsize=12)
    for axes in (rate, waiting):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_lanes(axes: Any, outcome: Outcome) -> None:
    counts = outcome.marks.counts()
    for row, (kind, (_, colour)) in enumerate(LANES.items()):
        for mark in (mark for mark in outcome.marks.all() if mark.kind == kind):
            _draw_mark(axes, mark, row, colour, outcome.started)
        axes.axhline(row + 0.5, color="#dddddd", linewidth=0.6)
    axes.set_yticks(range(len(LANES)), [f"{name} ({counts[kind]})" for kind, (name, _) in LANES.items()])
    axes.set_ylim(len(LANES) - 0.5, -0.5)
    axes.set_xlabel("minutes since the first photo")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_mark(axes: Any, mark: Mark, row: int, colour: str, started: float) -> None:
    start, end = (mark.start - started) / 60, (mark.end - started) / 60
    if mark.kind in ("sigkill", "model_swap"):
        axes.plot([end], [row], marker="|", markersize=14, markeredgewidth=1.6, color=colour)
    else:
        hard = mark.detail == "kill -9"
        axes.barh(row, end - start, left=start, height=0.55, color=colour, alpha=0.95 if hard else 0.55, linewidth=0)


def _title(outcome: Outcome) -> str:
    findings = outcome.findings
    verdicts = sum(seen.kind == "verdict" for seen in outcome.committed)
    letters = sum(seen.kind == "dead_letter" for seen in outcome.committed)
    stall = longest_stall(outcome.sent.values(), outcome.committed)
    return (
        f"seed {outcome.plan.seed}, {outcome.delivery}: {len(outcome.sent)} photos, {verdicts} verdicts, "
        f"{letters} dead letters, {len(findings.lost)} lost, {len(findings.duplicates)} duplicates; "
        f"longest stall {stall:.0f} s"
    )
