"""One growing array of patch embeddings, never two: what PatchCore holds while fitting."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

GROWTH_BYTES: Final = 64 << 20
"""Least growth of the array: few enough reallocations, little enough slack."""


class PatchStore:
    """Collects (n, D) float32 embeddings, at most `limit` of them.

    Beyond the limit it keeps a uniform random sample of all patches seen (reservoir sampling, Vitter's algorithm R),
    the same for the same seed and order. Memory is one copy: the array grows by `realloc`, which moves pages of large
    blocks instead of copying them, and not by concatenating chunks, which holds everything twice.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self.seen = 0
        self._limit = limit
        self._random = np.random.default_rng(seed)
        self._array: NDArray[np.float32] | None = None
        self._filled = 0

    def reserve(self, patches: int, dimensions: int) -> None:
        """Allocate for `patches` at once, where the number is known beforehand. Only on an empty store."""
        if self._array is None:
            self._array = np.empty((min(patches, self._limit), dimensions), dtype=np.float32)

    def add(self, patches: NDArray[np.float32]) -> None:
        """Take (n, D) embeddings in."""
        room = self._limit - self._filled
        self._append(patches[:room])
        self._sample(patches[room:])

    @property
    def nbytes(self) -> int:
        """Allocated so far."""
        return 0 if self._array is None else self._array.nbytes

    def take(self) -> NDArray[np.float32]:
        """The (n, D) embeddings; the store is empty afterwards."""
        array, self._array = self._array, None
        filled, self._filled, self.seen = self._filled, 0, 0
        if array is None:
            return np.empty((0, 0), dtype=np.float32)
        return array[:filled]

    def _append(self, patches: NDArray[np.float32]) -> None:
        end = self._filled + len(patches)
        if self._array is None:
            self._array = np.empty((0, patches.shape[1]), dtype=np.float32)
        if end > len(self._array):
            least = len(self._array) + GROWTH_BYTES // (self._array.itemsize * self._array.shape[1])
            # refcheck: no other reference exists, the array never leaves before `take`.
            self._array.resize((min(self._limit, max(end, least)), self._array.shape[1]), refcheck=False)
        self._array[self._filled : end] = patches
        self._filled = end
        self.seen += len(patches)

    def _sample(self, patches: NDArray[np.float32]) -> None:
        if not len(patches) or self._array is None:
            return
        # The i-th patch ever seen (from 1) replaces a random one with probability limit / i.
        slots = self._random.integers(0, np.arange(self.seen + 1, self.seen + len(patches) + 1))
        for source in np.flatnonzero(slots < self._limit):
            self._array[slots[source]] = patches[source]
        self.seen += len(patches)
