"""The extractor: timm's own features, one pass a batch, shared between equal specs."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch

from shared.models import trunk
from shared.models.backbone import Backbone
from shared.models.extractor import ExtractorPool
from shared.models.letterbox import Image
from shared.models.spec import ExtractorSpec, InputSpec, WeightsSpec
from shared.models.weights import WeightsMismatch, load_weights

Pictures = Callable[[int, int], list[Image]]


@pytest.mark.parametrize(
    ("name", "stages"), [("tf_efficientnet_lite0", (2, 3)), ("resnet18", (1, 2, 3)), ("mobilenetv3_small_050", (1, 2))]
)
def test_features_are_those_of_timm(name: str, stages: tuple[int, ...]) -> None:
    """The truncated network gives bit for bit what timm's `features_only` gives, and has fewer parameters."""
    state, _ = load_weights(name, WeightsSpec(source="random:0"))
    reference = timm.create_model(name, pretrained=False, features_only=True, out_indices=stages).eval()
    reference.load_state_dict(state, strict=False)
    backbone = Backbone(name, stages, state)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = backbone(pixels), reference(pixels)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert sum(p.numel() for p in backbone.parameters()) < sum(t.numel() for t in state.values())


@pytest.mark.parametrize("stages", [(), (3, 2), (2, 2), (9,), (-1,)])
def test_impossible_stages_are_refused(pool: ExtractorPool, small: ExtractorSpec, stages: tuple[int, ...]) -> None:
    """With the range there is."""
    with pytest.raises(ValueError, match="give ascending indices between 0 and 4"):
        pool.get(small.model_copy(update={"stages": stages}))


def test_shapes_sizes_and_boxes(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """Stride 8 and 16, float32, with the geometry to undo the padding."""
    features = pool.get(small)([np.zeros((40, 80, 3), np.uint8), np.zeros((200, 100, 3), np.uint8)])
    assert [tuple(m.shape) for m in features.maps] == [(2, 40, 8, 8), (2, 112, 4, 4)]
    assert all(m.dtype == torch.float32 and not m.requires_grad for m in features.maps)
    assert features.sizes.tolist() == [[40, 80], [200, 100]]
    assert features.boxes.tolist() == [[16, 0, 32, 64], [0, 16, 64, 32]]


def test_a_picture_scores_alike_in_any_batch(pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> None:
    """Features do not depend on the company beyond float32 rounding (kernels differ with the batch size)."""
    extractor = pool.get(small)
    images = pictures(5, 0)
    together = extractor(images)
    for row, image in enumerate(images):
        alone = extractor([image])
        for one, many in zip(alone.maps, together.maps, strict=True):
            torch.testing.assert_close(one[0], many[row], rtol=1e-4, atol=1e-4 * float(many.abs().max()))


def test_scaling(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """`weights`: the config's mean and std; `unit`: [0, 1]; `gaussian`: zero mean and unit deviation per picture."""
    canvas = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    scaled = {
        scaling: pool.get(
            small.model_copy(update={"input": InputSpec(height=64, width=64, scaling=scaling)})
        ).trunk.scaled(canvas)
        for scaling in ("weights", "unit", "gaussian")
    }
    unit = torch.from_numpy(canvas).permute(0, 3, 1, 2).float() / 255
    assert torch.equal(scaled["unit"], unit)
    torch.testing.assert_close(scaled["weights"], (unit - 0.5) / 0.5)
    torch.testing.assert_close(scaled["gaussian"].mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled["gaussian"].std(dim=(1, 2, 3), correction=0), torch.ones(2))


def test_a_picture_of_one_colour_is_finite(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """Per-image standardisation does not divide by zero."""
    spec = small.model_copy(update={"input": InputSpec(height=64, width=64, scaling="gaussian")})
    features = pool.get(spec)([np.full((64, 64, 3), 7, np.uint8)])
    assert all(bool(m.isfinite().all()) for m in features.maps)


def test_equal_specs_share_one_extractor(small: ExtractorSpec) -> None:
    """Also where one of them has its weights pinned; another input shares the backbone's memory, not the extractor."""
    pool = ExtractorPool("cpu")
    first = pool.get(small)
    assert first.spec.weights.sha256 is not None
    assert pool.get(small) is first
    assert pool.get(first.spec) is first
    wider = pool.get(small.model_copy(update={"input": InputSpec(height=64, width=96)}))
    assert wider is not first
    assert wider.trunk is not first.trunk
    assert wider.trunk.network is first.trunk.network


def test_passes_are_counted(small: ExtractorSpec, pictures: Pictures) -> None:
    """One per batch, whatever its size."""
    pool = ExtractorPool("cpu")
    extractor = pool.get(small)
    extractor(pictures(3, 0))
    extractor(pictures(1, 1))
    assert (extractor.passes, extractor.pictures, pool.passes) == (2, 4, 2)


STAGES = [(2, 3), (1, 4)]


@pytest.mark.parametrize(
    ("name", "precision"),
    [("tf_efficientnet_lite0", "float32"), ("tf_efficientnet_lite0", "bfloat16"), ("resnet18", "float32")],
)
def test_one_pass_for_all_stages_gives_each_its_own_features_bit_for_bit(
    small: ExtractorSpec, pictures: Pictures, name: str, precision: str
) -> None:
    """Whatever stages are asked for beside, before or after: as a pool that knows no other stages gives them."""
    base = small.model_copy(update={"backbone": name, "precision": precision})
    images = pictures(3, 0)
    pool = ExtractorPool("cpu")
    extractors = [pool.get(base.model_copy(update={"stages": stages})) for stages in STAGES]
    assert len({id(extractor.trunk) for extractor in extractors}) == 1
    together = extractors[0].trunk(images, range(5))
    assert (pool.passes, len(together.maps)) == (1, 5)
    for stages, extractor in zip(STAGES, extractors, strict=True):
        alone = ExtractorPool("cpu").get(base.model_copy(update={"stages": stages}))(images)
        assert sum(m.shape[1] for m in alone.maps) == extractor.dimensions
        for features in (together.only(stages), extractor(images)):
            assert [m.shape for m in features.maps] == [m.shape for m in alone.maps]
            assert all(torch.equal(a, b) for a, b in zip(features.maps, alone.maps, strict=True))


def test_weights_are_in_memory_once_and_no_deeper_than_needed(small: ExtractorSpec) -> None:
    """A deeper stage replaces the shallower network; another one above it loads nothing."""
    pool = ExtractorPool("cpu")
    network = pool.get(small.model_copy(update={"stages": (2,)})).trunk.network
    shallow = network.backbone
    pool.get(small.model_copy(update={"stages": (0, 1)}))
    assert network.backbone is shallow
    pool.get(small.model_copy(update={"stages": (4,)}))
    assert network.backbone is not shallow
    assert len(list(network.backbone.parameters())) > len(list(shallow.parameters()))
    deep = network.backbone
    assert pool.get(small).trunk.network.backbone is deep


def test_weights_that_are_long_in_coming_delay_nobody_else(
    small: ExtractorSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that hangs is waited for by those who need what it has, in their own threads."""
    release = threading.Event()

    def slow(backbone: str, weights: WeightsSpec) -> object:
        assert backbone == small.backbone or release.wait(60)
        return load_weights(backbone, weights)

    monkeypatch.setattr(trunk, "load_weights", slow)
    pool = ExtractorPool("cpu")
    waiting = threading.Thread(target=lambda: pool.get(small.model_copy(update={"backbone": "resnet18"})))
    waiting.start()
    try:
        assert pool.get(small).dimensions == 152
        assert waiting.is_alive()
    finally:
        release.set()
        waiting.join(60)
    assert not waiting.is_alive()


def test_a_pinned_digest_is_verified(small: ExtractorSpec) -> None:
    """A pool never gives a model another model's weights."""
    with pytest.raises(WeightsMismatch):
        ExtractorPool("cpu").get(small.with_digest("0" * 64))


def test_an_empty_batch_is_refused(pool: ExtractorPool, small: ExtractorSpec) -> None:
    """There is nothing to run."""
    with pytest.raises(ValueError, match="empty batch"):
        pool.get(small)([])


def test_reduced_precision_is_close_but_another_extractor(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures
) -> None:
    """bfloat16 is part of the spec, since its scores differ a little."""
    reduced = pool.get(small.model_copy(update={"precision": "bfloat16"}))
    images = pictures(2, 0)
    exact, rough = pool.get(small)(images), reduced(images)
    assert reduced is not pool.get(small)
    for a, b in zip(exact.maps, rough.maps, strict=True):
        assert b.dtype == torch.float32
        relative = float((a - b).norm() / a.norm())
        assert 0 < relative < 0.05
