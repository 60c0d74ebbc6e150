"""Mean and covariance at every position of a grid from a stream of embeddings, in constant memory (float64)."""

import torch


class GaussianStream:
    """Running sums of one Gaussian per position.

    Memory is P x C x C float64 whatever the number of pictures (190 MB at 32 x 32 positions and 152 channels). Sums
    are taken about the first batch's mean, so that nothing cancels when the mean is large against the spread.
    """

    def __init__(self) -> None:
        self.count = 0
        self._origin = torch.empty(0)
        self._sum = torch.empty(0)
        self._products = torch.empty(0)

    def add(self, embedding: torch.Tensor) -> None:
        """Take (N, P, C) embeddings in, any float dtype."""
        values = embedding.double()
        if not self.count:
            _, positions, channels = values.shape
            self._origin = values.mean(dim=0)
            self._sum = values.new_zeros((positions, channels))
            self._products = values.new_zeros((positions, channels, channels))
        centred = (values - self._origin).transpose(0, 1)
        self._sum += centred.sum(dim=1)
        self._products.baddbmm_(centred.transpose(1, 2), centred)
        self.count += len(values)

    def mean(self) -> torch.Tensor:
        """(P, C) float64."""
        return self._origin + self._sum / self.count

    def covariance(self, positions: slice) -> torch.Tensor:
        """(p, C, C) float64 sample covariances (divisor n - 1) of some positions.

        Raises:
            ValueError: fewer than two pictures.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least two good pictures, not {self.count}")
        total = self._sum[positions]
        outer = total[:, :, None] * total[:, None, :] / self.count
        return (self._products[positions] - outer) / (self.count - 1)
