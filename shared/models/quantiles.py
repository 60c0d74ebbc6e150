"""Held-out values as a version keeps them, so that live ones can be compared with them."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

MOST_QUANTILES: Final = 101


def kept(values: ArrayLike) -> tuple[float, ...]:
    """(N,) values ascending; of more than MOST_QUANTILES as many evenly spaced quantiles, the extremes among them."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if len(ordered) > MOST_QUANTILES:
        ordered = np.quantile(ordered, np.linspace(0, 1, MOST_QUANTILES))
    return tuple(float(value) for value in ordered)
