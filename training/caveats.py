"""What a person should know of a training before its model is trusted."""

from collections import Counter
from collections.abc import Iterator

from shared.models.card import ModelCard
from training.data.crops import Crops
from training.data.source import DataSet
from training.reference import Learnt


def caveats(data: DataSet, crops: Crops, card: ModelCard, learnt: Learnt | None) -> Iterator[str]:
    """One line for each thing that went less than well."""
    if learnt is not None and learnt.reference is None:
        yield (
            f"crops are not registered: only {learnt.registered} of {learnt.crops} good crops share enough print with "
            "each other (several layouts in one data set? --layout takes one)"
        )
    if crops.unregistered:
        labels = Counter(sample.label for sample in data.samples if sample.name in set(crops.unregistered))
        told = " and ".join(f"{count} {label}" for label, count in sorted(labels.items()))
        yield f"the crops of {told} photos could not be registered to the reference: they lie where the mask has them"
    if crops.not_found:
        labels = Counter(sample.label for sample in data.samples if sample.name in set(crops.not_found))
        told = " and ".join(f"{count} {label}" for label, count in sorted(labels.items()))
        yield f"no label was found in {told} photos: they were left out; the line would fail them for presence"
    if card.weights_are_random:
        yield "the backbone has random weights: this is a test of the plumbing, never a quality result"
    if not card.data.test_good or not card.data.test_damaged:
        yield "the test parts lack good or damaged ones: only what the rest allows was measured"
