"""Of which parts the pictures are kept: all rejected ones, and a sample of the passed ones."""

import hashlib
from collections import OrderedDict
from typing import Final

from shared.events import Verdict

REMEMBERED: Final = 50_000


class Choice:
    """Chooses, and remembers what it did not choose, so that the map of such a part is not kept either.

    Args:
        keep_passed: share of the passed parts, 0 to 1.
    """

    def __init__(self, keep_passed: float) -> None:
        self._share = keep_passed
        self._passed_over: OrderedDict[tuple[str, str], None] = OrderedDict()

    def keeps(self, verdict: Verdict) -> bool:
        """Whether the pictures of this verdict are kept. The same answer in every process and every run."""
        kept = verdict.decision == "fail" or sampled(verdict.part, self._share)
        known = (verdict.plant, verdict.image)
        self._passed_over.pop(known, None)
        if not kept:
            self._passed_over[known] = None
            if len(self._passed_over) > REMEMBERED:
                self._passed_over.popitem(last=False)
        return kept

    def keeps_map(self, plant: str, image: str) -> bool:
        """Whether a map is kept: unless its photo is known to be passed over. Rather one too many than one too few."""
        return (plant, image) not in self._passed_over


def sampled(part: str, share: float) -> bool:
    """Whether a part is in the sample; all photos of a part are, or none."""
    return int.from_bytes(hashlib.sha256(part.encode()).digest()[:7]) < share * 2**56
