"""One model version as one file: tensors, spec and card in safetensors, named by the sha256 of its bytes.

Nothing is ever unpickled. The JSON sits in the header's `__metadata__` under `linegate`:
`{"card": ..., "format": 1, "spec": ...}`, keys sorted, no spaces: the same model gives the same bytes.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError

from shared.errors import LinegateError
from shared.files import write_atomically
from shared.models.base import AnomalyModel
from shared.models.card import ModelCard
from shared.models.extractor import ExtractorPool
from shared.models.kinds import UnknownKind, model_class
from shared.models.spec import ModelSpec

FORMAT: Final = 1
"""Also counts changes of the code that alter scores (resizing, pooling): a reader refuses what it cannot reproduce."""
METADATA_KEY: Final = "linegate"


class BundleRejected(LinegateError, ValueError):
    """The file is not a model version that can be trusted; the message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model version, ready to score.

    Attributes:
        model: fitted.
        card: its story and threshold.
        digest: sha256 of the file, hexadecimal.
    """

    model: AnomalyModel
    card: ModelCard
    digest: str


def write_bundle(path: Path, model: AnomalyModel, card: ModelCard) -> str:
    """Write a fitted model to `path`, whole or not at all; returns the file's sha256, hexadecimal.

    Raises:
        NotFitted: the model is not fitted.
        ValueError: a tensor is not finite.
        OSError: the disk says no.
    """
    tensors = model.tensors()
    if (name := _not_finite(tensors)) is not None:
        raise ValueError(f"tensor {name} of this {model.kind} is not finite; it was fitted on broken features")
    content = {"format": FORMAT, "spec": model.spec.model_dump(mode="json"), "card": card.model_dump(mode="json")}
    data = safetensors.torch.save(tensors, metadata={METADATA_KEY: _text(content)})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_bundle(path: Path, pool: ExtractorPool, *, expect: str | None = None) -> LoadedModel:
    """Read a model version from a file; see `parse_bundle`.

    Raises:
        OSError: the file cannot be read.
    """
    return parse_bundle(path.read_bytes(), pool, name=path.name, expect=expect)


def parse_bundle(data: bytes, pool: ExtractorPool, *, name: str, expect: str | None = None) -> LoadedModel:
    """Make a model of a bundle's bytes and verify everything that can be verified.

    Args:
        data: the file's content.
        pool: where its extractor comes from.
        name: what messages call it.
        expect: the sha256 it must have; None trusts the bytes as they are.

    Raises:
        BundleRejected: truncated, not safetensors, wrong digest, unknown format or kind, tensors of the wrong shape
            or not finite, spec or card not valid.
        WeightsNotFound: the backbone's weights are not on this machine (no fault of the bundle).
        WeightsMismatch: they are others than those the model was made with.
    """
    found = hashlib.sha256(data).hexdigest()
    if expect is not None and found != expect:
        raise BundleRejected(f"{name}: digest is {found}, expected {expect}")
    tensors = _tensors(data, name)
    spec, card = _read_metadata(name, data)
    if (tensor := _not_finite(tensors)) is not None:
        raise BundleRejected(f"{name}: tensor {tensor} is not finite")
    try:
        cls = model_class(spec.kind)
        cls.Options.model_validate(spec.options)
    except (UnknownKind, ValidationError) as error:
        raise BundleRejected(f"{name}: {_one_line(error)}") from error
    try:
        extractor = pool.get(spec.extractor)
        model = cls.restore(spec, tensors, extractor)
    except ValueError as error:
        raise BundleRejected(f"{name}: {_one_line(error)}") from error
    return LoadedModel(model, card, found)


def read_card(data: bytes, *, name: str) -> ModelCard:
    """The card in a bundle's bytes; its tensors are not looked at.

    Raises:
        BundleRejected: they are no bundle of a format that this version reads.
    """
    _tensors(data, name)
    return _read_metadata(name, data)[1]


def with_card(data: bytes, card: ModelCard, *, name: str) -> bytes:
    """The bundle with another card: its tensors and its spec are the same, bit for bit. Needs no backbone.

    Raises:
        BundleRejected: `data` is no bundle of a format that this version reads.
    """
    tensors = _tensors(data, name)
    _read_metadata(name, data)
    content = {**_content(name, data), "card": card.model_dump(mode="json")}
    return safetensors.torch.save(tensors, metadata={METADATA_KEY: _text(content)})


def _tensors(data: bytes, name: str) -> dict[str, torch.Tensor]:
    try:
        return safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise BundleRejected(f"{name}: truncated or not a safetensors file ({error})") from error


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _content(name: str, data: bytes) -> dict[str, Any]:
    # safetensors has just parsed and bounds-checked this header; its Python API gives metadata for paths only.
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, Any] = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    try:
        content = json.loads(metadata[METADATA_KEY])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleRejected(f"{name}: a safetensors file, but not a Linegate model") from error
    if not isinstance(content, dict):
        raise BundleRejected(f"{name}: a safetensors file, but not a Linegate model")
    return content


def _read_metadata(name: str, data: bytes) -> tuple[ModelSpec, ModelCard]:
    content = _content(name, data)
    try:
        version, spec, card = content["format"], content["spec"], content["card"]
    except KeyError as error:
        raise BundleRejected(f"{name}: a safetensors file, but not a Linegate model") from error
    if version != FORMAT:
        raise BundleRejected(f"{name}: format {version!r}, this version reads {FORMAT}")
    try:
        return ModelSpec.model_validate(spec), ModelCard.model_validate(card)
    except ValidationError as error:
        raise BundleRejected(f"{name}: {_one_line(error)}") from error


def _not_finite(tensors: dict[str, torch.Tensor]) -> str | None:
    return next((n for n, t in sorted(tensors.items()) if t.is_floating_point() and not bool(t.isfinite().all())), None)


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
