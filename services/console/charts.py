"""Numbers as geometry for the chart macros (`templates/charts.html`). Pure: values in, SVG coordinates out.

Every chart is drawn in a box of `WIDTH` x `HEIGHT` units that the browser stretches. None in a series is a gap.
"""

import math
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 600.0
HEIGHT: Final = 160.0
Values = Sequence[float | None]


def top(*series: Values, least: float = 0.0) -> float:
    """A round number that no value is above: 1, 2, 2.5 or 5 times a power of ten."""
    highest = max((value for values in series for value in values if value is not None), default=0.0)
    highest = max(highest, least)
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= highest * (1 - 1e-9))


def line_path(values: Values, high: float, *, width: float = WIDTH, height: float = HEIGHT) -> str:
    """A line through `values`, evenly spaced, as the `d` of an SVG path; gaps stay open.

    A value between two gaps is no line: see `dots_path`.

    Args:
        values: oldest first.
        high: value at the upper edge; the lower one is 0.
        width: of the box.
        height: of the box.
    """
    step = width / max(1, len(values) - 1)
    parts: list[str] = []
    drawing = False
    for index, value in enumerate(values):
        if value is None:
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{_n(index * step)} {_n(_y(value, high, height))}")
        drawing = True
    return " ".join(parts)


def dots_path(values: Values, high: float, *, width: float = WIDTH, height: float = HEIGHT) -> str:
    """The values that no line leads to, as dots: those without a neighbour. Arguments as of `line_path`."""
    step = width / max(1, len(values) - 1)
    around = (None, *values, None)
    return " ".join(
        f"M{_n(index * step)} {_n(_y(value, high, height))} h0.01"  # with round caps that is a dot
        for index, value in enumerate(values)
        if value is not None and around[index] is None and around[index + 2] is None
    )


def area_path(values: Values, high: float, *, width: float = WIDTH, height: float = HEIGHT) -> str:
    """The area below `line_path`."""
    step = width / max(1, len(values) - 1)
    parts: list[str] = []
    run: list[tuple[float, float]] = []
    for index, value in enumerate([*values, None]):
        if value is not None:
            run.append((index * step, _y(value, high, height)))
        elif run:
            outline = " ".join(f"L{_n(x)} {_n(y)}" for x, y in run)
            parts.append(f"M{_n(run[0][0])} {_n(height)} {outline} L{_n(run[-1][0])} {_n(height)} Z")
            run = []
    return " ".join(parts)


def bars(
    values: Values, high: float, *, width: float = WIDTH, height: float = HEIGHT, gap: float = 0.2
) -> list[tuple[float, float, float, float]]:
    """One rectangle (x, y, width, height) for each value; of no height where there is none.

    Args:
        values: from left to right.
        high: value at the upper edge.
        width: of the box.
        height: of the box.
        gap: share of each place that stays free.
    """
    if not values:
        return []
    place = width / len(values)
    found = []
    for index, value in enumerate(values):
        y = height if value is None else _y(value, high, height)
        found.append(
            (
                round(index * place + place * gap / 2, 2),
                round(y, 2),
                round(place * (1 - gap), 2),
                round(height - y, 2),
            )
        )
    return found


def histogram(values: Sequence[float], bins: int = 20) -> tuple[list[int], float, float]:
    """How many values lie in each of `bins` equal intervals, and from where to where these go."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return [0] * bins, 0.0, 1.0
    low, high = min(finite), max(finite)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = [0] * bins
    for value in finite:
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    return counts, low, high


def share(value: float | None, threshold: float | None) -> tuple[float, float]:
    """A score and its threshold on a gauge from 0 to 100, on which the threshold lies at 60 or the score at 100."""
    if value is None or threshold is None:
        return 0.0, 60.0
    low = min(0.0, value, threshold)
    reach = max((threshold - low) / 0.6, value - low)
    if reach <= 0:
        return 60.0, 60.0
    return round((value - low) / reach * 100, 2), round((threshold - low) / reach * 100, 2)


def _y(value: float, high: float, height: float) -> float:
    return height - min(max(value / high, 0.0), 1.0) * height


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
