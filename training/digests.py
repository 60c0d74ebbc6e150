"""What a data set is, byte for byte: the same pictures with the same labels give the same digest."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from training.data.sample import DataRejected, Sample


def photo_digests(samples: Sequence[Sample], report: Callable[[str, int, int | None], None]) -> dict[str, str]:
    """sha256 of each encoded photo, by sample name.

    Raises:
        DataRejected: one photo is labelled both good and damaged.
    """
    digests: dict[str, str] = {}
    first: dict[str, Sample] = {}
    for done, sample in enumerate(samples, start=1):
        digest = hashlib.sha256(sample.read()).hexdigest()
        twin = first.setdefault(digest, sample)
        if twin.label != sample.label:
            raise DataRejected(
                f"{twin.name} and {sample.name} are the same photo, one labelled {twin.label}, one {sample.label}"
            )
        digests[sample.name] = digest
        report("read", done, len(samples))
    return digests


def data_digest(samples: Sequence[Sample], digests: Mapping[str, str]) -> str:
    """sha256 over the sorted photo digests and labels."""
    lines = sorted(f"{digests[sample.name]} {sample.label}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
