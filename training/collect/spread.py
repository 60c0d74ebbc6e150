"""Take some of many, evenly over time, so that no shift dominates. Pure."""

from collections.abc import Sequence
from typing import Final

SLOTS: Final = 168
"""Equal spans that the time is cut into: of a week, the hours."""


def spread(times: Sequence[float], most: int) -> list[int]:
    """Indices of at most `most` of the `times`, ascending.

    Every slot gives equally many, as far as it has them, and those evenly spaced: a shift that makes ten times as many
    parts has ten times as many photos left out.

    Args:
        times: (N,) seconds, in any order.
        most: at least 1.
    """
    if len(times) <= most:
        return list(range(len(times)))
    start, end = min(times), max(times)
    width = (end - start) / SLOTS or 1.0
    slots: dict[int, list[int]] = {}
    for index in sorted(range(len(times)), key=lambda i: (times[i], i)):
        slots.setdefault(min(int((times[index] - start) / width), SLOTS - 1), []).append(index)
    quotas = _quotas([len(slot) for slot in slots.values()], most)
    taken = [_evenly(slot, quota) for slot, quota in zip(slots.values(), quotas, strict=True)]
    return sorted(index for chosen in taken for index in chosen)


def _quotas(sizes: Sequence[int], most: int) -> list[int]:
    """How many each slot gives: as equal as their sizes allow, `most` in all."""
    quotas = [0] * len(sizes)
    left = most
    open_slots = list(range(len(sizes)))
    while left and open_slots:
        share = left // len(open_slots)
        if share == 0:
            # Fewer than slots: spread these over the slots, too.
            open_slots = _evenly(open_slots, left)
            share = 1
        for slot in open_slots:
            given = min(share, sizes[slot] - quotas[slot])
            quotas[slot] += given
            left -= given
        open_slots = [slot for slot in open_slots if quotas[slot] < sizes[slot]]
    return quotas


def _evenly(items: list[int], count: int) -> list[int]:
    return [items[(2 * n + 1) * len(items) // (2 * count)] for n in range(count)]
