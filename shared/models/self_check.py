"""A picture that every machine makes alike, on which a model can show that it scores as it did where it was made."""

import hashlib
from typing import Final

import numpy as np

from shared.errors import LinegateError
from shared.models.base import AnomalyModel, Image
from shared.models.bundle import LoadedModel
from shared.models.card import SelfCheck

TOLERANCES: Final = {"float32": (1e-5, 5e-3), "bfloat16": (2e-3, 2e-2)}
"""By precision: on CPUs, and where CUDA has part in it. Relative.

Measured on CPUs (Lite0 with its weights, ResNet18; PatchCore with two scores, PaDiM; 192 px): batches of 4 and 16, two
threads, SSE4.1, AVX2 and AVX-512 kernels and unfolded batch norms change a float32 score by at most 1.1e-7, and kernels
a bfloat16 one by 2.6e-4. What is to be found changes it by more: swapped colours by 7e-4 at least, resizing without
the right filter by 3e-3, pixels scaled otherwise by 7e-2. In bfloat16 swapped colours can hide, in float32 they cannot.

CUDA was not measured. Its float32 convolutions run in TF32, whose mantissa is longer than bfloat16's: the difference
that bfloat16 makes to a float32 model (3.1e-3 at most) bounds it. That of bfloat16 on CUDA is a guess, from what
rounding at other places makes of it (8e-3, by unfolded batch norms).
"""
_BLOCK: Final = 8
"""Side of a square of one colour, in pixels: edges that a resized picture keeps."""


class ScoresDiffer(LinegateError):
    """A model scores otherwise than where it was made, so its threshold says nothing here."""


def generated_picture(height: int, width: int, seed: int = 0) -> Image:
    """A picture (height, width, 3) of coloured squares, the same bytes for ever: no library's generator is in it."""
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    bits = hashlib.shake_128(f"linegate picture {seed}".encode()).digest(rows * columns * 3)
    squares = np.frombuffer(bits, dtype=np.uint8).reshape(rows, columns, 3)
    return np.ascontiguousarray(squares.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)[:height, :width])


def make_self_check(model: AnomalyModel, height: int, width: int, *, seed: int = 0) -> SelfCheck:
    """What a fitted model scores on a generated picture of the size of its crops, for its card."""
    score = float(model.score([generated_picture(height, width, seed)]).image[0])
    return SelfCheck(seed=seed, height=height, width=width, score=score, device=model.extractor.device.type)


def warm_up(loaded: LoadedModel) -> None:
    """One forward pass and one score, so that the first part does not pay for what is made on first use.

    A card that has a self-check is held to it; one of an older bundle has none, and any picture will do.

    Raises:
        ScoresDiffer: the score is another one than where the model was made.
        ValueError: the card's embedding reference is not one of this model's features.
    """
    check = loaded.card.self_check
    size = check or loaded.card.crop or loaded.model.spec.extractor.input
    features = loaded.model.extractor([generated_picture(size.height, size.width, check.seed if check else 0)])
    score = float(loaded.model.score_features(features).image[0])
    if loaded.card.embedding is not None:
        loaded.card.embedding.distances(features)
    if check is None:
        return
    allowed = tolerance(loaded, check)
    # Not `>`: a score that is no number agrees with nothing.
    if not abs(score - check.score) <= allowed * abs(check.score):
        raise ScoresDiffer(
            f"scores differ from those at training: {score:.6g} here, {check.score:.6g} there, on the same picture",
            hint="was the bundle made by another version of Linegate, or are pixels read otherwise here?",
        )


def tolerance(loaded: LoadedModel, check: SelfCheck) -> float:
    """How far a score may be from that of the training, as a share of it. Whatever CUDA computed gets more room."""
    on_cpu = check.device == "cpu" == loaded.model.extractor.device.type
    return TOLERANCES[loaded.model.spec.extractor.precision][0 if on_cpu else 1]
