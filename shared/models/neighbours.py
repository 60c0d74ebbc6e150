"""Exact nearest neighbours in a memory bank: faiss finds them, their distances are then measured directly."""

from typing import Any

import faiss
import numpy as np
import torch
from numpy.typing import NDArray


class Neighbours:
    """A flat (brute-force, exact) L2 index over a memory bank.

    faiss compares by |x|^2 + |b|^2 - 2xb, whose rounding depends on the batch and the machine; good enough to choose a
    neighbour, not to be a score. The distances of the chosen ones are therefore recomputed from differences, so that
    CPU, GPU and any batch size agree.
    """

    def __init__(self, bank: torch.Tensor, device: torch.device) -> None:
        """Index `bank` (M, D) float32; searched on the GPU where `device` is CUDA and faiss has GPU support."""
        self._bank = bank.to(device)
        self._index: Any = faiss.IndexFlatL2(bank.shape[1])
        self._index.add(np.ascontiguousarray(bank.cpu().numpy()))
        if device.type == "cuda" and hasattr(faiss, "StandardGpuResources"):
            self._index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), device.index or 0, self._index)
        else:
            self._index.sync_l2norms()

    def __len__(self) -> int:
        return len(self._bank)

    def search(self, queries: torch.Tensor, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Euclidean distances (Q, k), ascending, and bank indices (Q, k) of the k nearest items of queries (Q, D).

        Raises:
            ValueError: the bank has fewer than k items.
        """
        if k > len(self):
            raise ValueError(f"{k} neighbours asked of a bank of {len(self)}")
        _, found = self._index.search(np.ascontiguousarray(queries.detach().cpu().numpy()), k)
        distances = self.distances(queries, torch.from_numpy(found))
        # Exact distances may order near-equal neighbours otherwise than faiss did.
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(found, order, axis=1)

    def around(self, items: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """The `count` bank items nearest to each bank item (n,), itself first: (n, count), fewer in a small bank."""
        own = self._bank[torch.from_numpy(items).to(self._bank.device)]
        _, found = self.search(own, min(count, len(self)))
        # A twin of the item may come before it; the item itself is what the caller's formula starts from.
        others = [row[row != item][: found.shape[1] - 1] for row, item in zip(found, items, strict=True)]
        return np.stack([np.concatenate(([item], row)) for item, row in zip(items, others, strict=True)])

    def distances(self, queries: torch.Tensor, items: torch.Tensor) -> NDArray[np.float64]:
        """Distances (Q, k) from queries (Q, D) to bank items (Q, k), from differences, accumulated in float64."""
        columns = []
        for column in items.to(self._bank.device).unbind(dim=1):
            difference = queries.to(self._bank.device) - self._bank[column]
            columns.append(difference.square_().sum(dim=1, dtype=torch.float64).sqrt_())
        return np.asarray(torch.stack(columns, dim=1).cpu().numpy(), dtype=np.float64)
