"""Latencies, counted in bins that grow by a tenth: a quantile is right within a twentieth, in any order."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

LEAST_MS: Final = 1.0
GROWTH: Final = 1.1
BINS: Final = 128
"""Up to 200 s; what takes longer counts as that."""


def bin_of(milliseconds: float) -> int:
    """Which bin a latency belongs to."""
    if milliseconds <= LEAST_MS:
        return 0
    return min(BINS - 1, int(math.log(milliseconds / LEAST_MS) / math.log(GROWTH)))


def quantile(counts: Iterable[Counter[int]], share: float) -> float | None:
    """The latency in milliseconds that `share` of all counted ones do not exceed; None where none was counted."""
    total: Counter[int] = Counter()
    for one in counts:
        total.update(one)
    wanted = math.ceil(share * total.total())
    for number in sorted(total):
        wanted -= total[number]
        if wanted <= 0:
            return float(LEAST_MS * GROWTH ** (number + 0.5))
    return None
