"""The digest that a version's card has of its photos, taken again; photos of several versions are read once."""

from collections.abc import Callable
from pathlib import Path

from training.data.source import DataSet
from training.digests import data_digest, photo_digests


class Photos:
    """Remembers what it has read; for one run, in which data sets are not to change.

    Args:
        report: called as `report(read, all)`, for each data set from the beginning.
    """

    def __init__(self, report: Callable[[int, int | None], None]) -> None:
        self._report = report
        self._known: dict[tuple[Path, str], str] = {}

    def digest(self, root: Path, data: DataSet) -> str:
        """As `DataSummary.digest`.

        Raises:
            DataRejected: a photo cannot be read, or one is labelled both good and damaged.
        """
        new = [sample for sample in data.samples if (root, sample.name) not in self._known]
        read = photo_digests(new, lambda _stage, done, total: self._report(done, total))
        self._known.update({(root, name): digest for name, digest in read.items()})
        return data_digest(data.samples, {s.name: self._known[root, s.name] for s in data.samples})
