"""A model shows on load that it scores as it did where it was made."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.crop_recipe import CropRecipe
from shared.models.bundle import LoadedModel, read_bundle, write_bundle
from shared.models.card import SelfCheck
from shared.models.embedding import EmbeddingReference
from shared.models.extractor import ExtractorPool
from shared.models.kinds import make_model
from shared.models.letterbox import Image
from shared.models.self_check import ScoresDiffer, generated_picture, make_self_check, tolerance, warm_up
from shared.models.spec import ExtractorSpec, ModelSpec
from tests.unit.services.cards import a_card

Pictures = Callable[[int, int], list[Image]]
PICTURE = "e14380226889cf0ef5f2d74609f86553ed0a8dae1facb70a2dbfef01eedbcb72"


@pytest.fixture(scope="module")
def elsewhere() -> ExtractorPool:
    """Another process's."""
    return ExtractorPool("cpu")


@pytest.fixture(scope="module", params=[("patchcore", "float32"), ("padim", "float32"), ("padim", "bfloat16")])
def loaded(
    request: pytest.FixtureRequest,
    small: ExtractorSpec,
    pictures: Pictures,
    pool: ExtractorPool,
    elsewhere: ExtractorPool,
) -> LoadedModel:
    """A model with a self-check on a crop that has to be resized, as read by another process."""
    kind, precision = request.param
    extractor = small.model_copy(update={"precision": precision})
    model = make_model(ModelSpec(kind=kind, extractor=extractor), pool)
    model.fit(pictures(6, 0))
    card = a_card(1.25).model_copy(update={"self_check": make_self_check(model, 90, 150)})
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder) / "bundle", model, card)
        return read_bundle(Path(folder) / "bundle", elsewhere)


def with_check(loaded: LoadedModel, check: SelfCheck | None) -> LoadedModel:
    """The same model under another card."""
    return LoadedModel(loaded.model, loaded.card.model_copy(update={"self_check": check}), loaded.digest)


def test_the_picture_is_the_same_for_ever() -> None:
    """Every bundle's check depends on it; another size or seed is another picture."""
    picture = generated_picture(20, 30, 7)
    assert picture.shape == (20, 30, 3)
    assert hashlib.sha256(picture.tobytes()).hexdigest() == PICTURE
    assert (picture[:8, :8] == picture[0, 0]).all()
    assert (picture != generated_picture(20, 30, 8)).any()


def test_a_model_that_scores_alike_is_accepted(loaded: LoadedModel) -> None:
    """Read by another process, in a batch of its own; well within the tolerance."""
    warm_up(loaded)
    check = loaded.card.self_check
    assert check is not None
    assert (check.height, check.width, check.device) == (90, 150, "cpu")
    (score,) = loaded.model.score([generated_picture(90, 150, check.seed)]).image
    assert score == pytest.approx(check.score, rel=tolerance(loaded, check) / 100)


def test_a_score_beyond_the_tolerance_is_refused(loaded: LoadedModel) -> None:
    """Twice the tolerance, either way; half of it is accepted; no number agrees with nothing."""
    check = loaded.card.self_check
    assert check is not None
    allowed = tolerance(loaded, check)
    for factor in (1 + 2 * allowed, 1 - 2 * allowed, float("nan")):
        with pytest.raises(ScoresDiffer, match="scores differ from those at training"):
            warm_up(with_check(loaded, check.model_copy(update={"score": check.score * factor})))
    warm_up(with_check(loaded, check.model_copy(update={"score": check.score * (1 + allowed / 2)})))


@pytest.mark.parametrize("scaling", ["unit", "gaussian"])
def test_pixels_that_are_read_otherwise_are_found(
    loaded: LoadedModel, scaling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classic mistake with a model that is moved from one program to another."""
    trunk = loaded.model.extractor.trunk
    monkeypatch.setattr(trunk, "_input", trunk._input.model_copy(update={"scaling": scaling}))
    with pytest.raises(ScoresDiffer):
        warm_up(loaded)


def test_an_older_bundle_is_accepted_as_it_is(loaded: LoadedModel) -> None:
    """On a picture of its crops' size, or of its input where that is not known."""
    before = loaded.model.extractor.trunk.passes
    for crop in (None, CropRecipe(height=40, width=50)):
        card = loaded.card.model_copy(update={"self_check": None, "crop": crop})
        warm_up(LoadedModel(loaded.model, card, loaded.digest))
    assert loaded.model.extractor.trunk.passes == before + 2


def test_an_embedding_reference_of_another_model_is_found(loaded: LoadedModel, small: ExtractorSpec) -> None:
    """At the first part it would stop the line."""
    wrong = EmbeddingReference(input=small.input, crops=2, mean=(0.0,), deviation=(1.0,))
    card = loaded.card.model_copy(update={"embedding": wrong})
    with pytest.raises(ValueError, match="do not fit a reference"):
        warm_up(LoadedModel(loaded.model, card, loaded.digest))
