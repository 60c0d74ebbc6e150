"""The report's plots as inline SVG whose colours are CSS variables, so that they follow the page into dark mode."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from training.metrics import PRECISION_TARGETS, Floats, OperatingPoints, recall_at_precision

COLOURS: Final[Mapping[str, str]] = {
    "#010203": "--ink",
    "#010204": "--muted",
    "#010205": "--line",
    "#010206": "--good",
    "#010207": "--bad",
    "#010208": "--accent",
}
"""Placeholder colours that no plot uses otherwise, and the variables of the page's style sheet."""
INK, MUTED, LINE, GOOD, BAD, ACCENT = COLOURS
BINS: Final = 48
LOG_FROM: Final = 12.0
"""Ratio of the highest to the median score from which the axis is logarithmic, or the bulk would be one bar."""


def histogram(good: Floats, damaged: Floats, threshold: float, *, former: float | None = None) -> str:
    """Score histograms of good and damaged parts with the threshold, and a dotted line at a `former` one."""
    everything = np.concatenate([good, damaged])
    marks = [threshold] if former is None else [threshold, former]
    low, high = min(everything.min(), *marks), max(everything.max(), *marks)
    log = low > 0 and high / np.median(everything) > LOG_FROM
    low, high = (low / 1.05, high * 1.05) if log else (low - 0.02 * (high - low), high + 0.02 * (high - low))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.geomspace(low, high, BINS) if log else np.linspace(low, high, BINS)
    with _figure(9.2, 2.9) as (figure, axes):
        for values, colour in ((good, GOOD), (damaged, BAD)):
            if len(values):
                counts, _ = np.histogram(values, edges)
                axes.stairs(100 * counts / len(values), edges, fill=True, color=colour, alpha=0.28, lw=0)
                axes.stairs(100 * counts / len(values), edges, color=colour, lw=1.4)
        axes.set_xscale("log" if log else "linear")
        axes.set_xlim(low, high)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.12)
        axes.axvline(threshold, color=INK, lw=1.2, ls=(0, (4, 3)))
        if former is not None:
            axes.axvline(former, color=MUTED, lw=1.2, ls=(0, (1, 2)))
        top = axes.get_xaxis_transform()
        right = (np.log(threshold / low) / np.log(high / low) if log else (threshold - low) / (high - low)) < 0.8
        axes.annotate(
            f"threshold {threshold:.4g}",
            (threshold, 1),
            (6 if right else -6, -10),
            xycoords=top,
            textcoords="offset points",
            ha="left" if right else "right",
            color=INK,
            fontsize=9.5,
        )
        axes.set_xlabel("anomaly score" + (" (logarithmic)" if log else ""))
        axes.set_ylabel("share of parts, %")
        return _svg(figure, "Histogram of anomaly scores")


def roc(points: OperatingPoints, threshold: float) -> str:
    """ROC curve with the chosen threshold's point."""
    with _figure(4.5, 3.7) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=LINE, lw=1, ls=(0, (2, 3)))
        axes.plot(points.false_alarm_rate, points.recall, color=ACCENT, lw=1.8, drawstyle="steps-post")
        chosen = _chosen(points, threshold)
        _mark(axes, float(points.false_alarm_rate[chosen]), float(points.recall[chosen]), "threshold", (8, -12))
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.03), xlabel="good parts stopped", ylabel="damaged parts caught")
        return _svg(figure, "ROC curve")


def precision_recall(points: OperatingPoints, threshold: float) -> str:
    """Precision-recall curve with the precision targets and the chosen threshold's point."""
    with _figure(4.5, 3.7) as (figure, axes):
        axes.plot(points.recall[1:], points.precision[1:], color=ACCENT, lw=1.8)
        floor = min(0.5, float(points.precision.min()))
        for index, target in enumerate(PRECISION_TARGETS):
            recall = recall_at_precision(points, target)
            axes.axhline(target, color=LINE, lw=1, ls=(0, (2, 3)))
            axes.plot([recall], [target], "o", ms=4.5, color=MUTED)
            # The targets lie close together at the top; their words are stacked below, level by level.
            axes.annotate(
                f"precision ≥ {target:.3g}: recall {recall:.2f}",
                (0.03, 0.05 + 0.075 * (len(PRECISION_TARGETS) - 1 - index)),
                xycoords="axes fraction",
                color=MUTED,
                fontsize=9,
            )
        chosen = _chosen(points, threshold)
        if points.caught[chosen] + points.stopped[chosen]:
            _mark(axes, float(points.recall[chosen]), float(points.precision[chosen]), "threshold", (-8, -14))
        axes.set(xlim=(-0.02, 1.02), ylim=(floor - 0.02, 1.03), xlabel="damaged parts caught (recall)")
        axes.set_ylabel("stopped parts truly damaged (precision)")
        return _svg(figure, "Precision-recall curve")


def _chosen(points: OperatingPoints, threshold: float) -> int:
    """The operating point that decides as `threshold` does."""
    return int((points.thresholds >= threshold).sum()) - 1


def _mark(axes: Axes, x: float, y: float, text: str, offset: tuple[float, float]) -> None:
    axes.plot([x], [y], "o", ms=7, mfc="none", mec=INK, mew=1.6)
    axes.annotate(
        text,
        (x, y),
        offset,
        textcoords="offset points",
        color=INK,
        fontsize=9.5,
        ha="left" if offset[0] > 0 else "right",
    )


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """One pair of axes in the page's style; no pyplot, so nothing stays open and no state is global."""
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "linegate",
        "font.size": 10,
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.set_facecolor("none")
        axes.grid(visible=True, axis="y", color=LINE, lw=0.6, alpha=0.6)
        axes.set_axisbelow(True)
        yield figure, axes


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for placeholder, variable in COLOURS.items():
        text = text.replace(placeholder, f"var({variable})")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # The page's font, and a size that follows the page's width.
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--font)", text)
    return re.sub(r'<svg ([^>]*?)width="[^"]*"', rf'<svg role="img" aria-label="{title}" \1', text, count=1).replace(
        "height=", "data-height=", 1
    )
