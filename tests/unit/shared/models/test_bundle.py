"""Bundles: whole, verified, and the same scores to the last bit."""

import contextlib
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from shared.models.base import AnomalyModel, NotFitted
from shared.models.bundle import METADATA_KEY, BundleRejected, read_bundle, write_bundle
from shared.models.card import ModelCard
from shared.models.extractor import ExtractorPool
from shared.models.kinds import KINDS, UnknownKind, make_model
from shared.models.letterbox import Image
from shared.models.spec import ExtractorSpec, ModelSpec

Pictures = Callable[[int, int], list[Image]]


def fitted(kind: str, pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures) -> AnomalyModel:
    """A small model of a kind."""
    model = make_model(ModelSpec(kind=kind, extractor=small), pool)
    model.fit(pictures(8, 0))
    return model


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, Any]], object]) -> None:
    """Write a well-formed safetensors file with changed content."""
    data = path.read_bytes()
    tensors = safetensors.torch.load(data)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    content = json.loads(header["__metadata__"][METADATA_KEY])
    change(tensors, content)
    safetensors.torch.save_file(tensors, path, metadata={METADATA_KEY: json.dumps(content)})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_round_trip_keeps_every_bit(
    *,
    kind: str,
    pool: ExtractorPool,
    small: ExtractorSpec,
    pictures: Pictures,
    card: ModelCard,
    tmp_path: Path,
) -> None:
    """Scores, maps, spec and card; in a fresh pool, as another process would have."""
    model = fitted(kind, pool, small, pictures)
    path = tmp_path / "model.safetensors"
    digest = write_bundle(path, model, card)
    loaded = read_bundle(path, ExtractorPool("cpu"), expect=digest)
    assert (loaded.digest, loaded.card, loaded.model.spec) == (digest, card, model.spec)
    parts = pictures(5, 3)
    before, after = model.score(parts, maps=True), loaded.model.score(parts, maps=True)
    np.testing.assert_array_equal(before.image, after.image)
    assert before.maps is not None
    assert after.maps is not None
    for one, other in zip(before.maps, after.maps, strict=True):
        np.testing.assert_array_equal(one, other)
    assert write_bundle(tmp_path / "again.safetensors", loaded.model, loaded.card) == digest


def test_the_spec_in_a_bundle_is_complete(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard, tmp_path: Path
) -> None:
    """Weights pinned, defaults written out: a later default cannot change an old model."""
    path = tmp_path / "model.safetensors"
    write_bundle(path, fitted("patchcore", pool, small, pictures), card)
    spec = read_bundle(path, pool).model.spec
    assert spec.extractor.weights.sha256 is not None
    assert spec.options["coreset_ratio"] == 0.01
    assert spec.options.keys() == KINDS["patchcore"].Options.model_fields.keys()


def test_only_the_bundle_is_left_in_the_folder(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard, tmp_path: Path
) -> None:
    """No temporary file after a write, nor after a write that failed, which also leaves the old file alone."""
    path = tmp_path / "model.safetensors"
    model = fitted("padim", pool, small, pictures)
    digest = write_bundle(path, model, card)
    unfitted = make_model(model.spec, pool)
    with pytest.raises(NotFitted):
        write_bundle(path, unfitted, card)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert read_bundle(path, pool).digest == digest


def test_a_model_that_is_not_finite_is_not_written(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard, tmp_path: Path
) -> None:
    """The mistake is found where it was made."""
    model = fitted("patchcore", pool, small, pictures)
    model.tensors()["bank"][0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"tensor bank .* not finite"):
        write_bundle(tmp_path / "model.safetensors", model, card)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("patchcore", lambda t, _: t["bank"].fill_(torch.inf), "bank is not finite"),
        ("patchcore", lambda t, _: t.update(bank=t["bank"][0].clone()), r"bank is \(M, D\) float32"),
        ("patchcore", lambda t, _: t.update(bank=t["bank"].double()), r"bank is \(M, D\) float32"),
        ("patchcore", lambda t, _: t.update(more=torch.zeros(1)), "PatchCore has one tensor"),
        ("patchcore", lambda t, _: t.update(bank=t["bank"][:, 1:].clone()), "bank has 151 dimensions"),
        ("padim", lambda t, _: t.pop("mean"), "PaDiM has the tensors"),
        ("padim", lambda t, _: t.update(mean=t["mean"][:-1].clone()), r"mean is \(63, 152\)"),
        ("padim", lambda t, _: t.update(grid=torch.tensor([8])), "grid"),
        ("padim", lambda t, _: t.update(whitening=t["whitening"][:, 1:].clone()), "whitening is"),
        ("padim", lambda t, _: t.update(channels=t["channels"] - 1), "channels are int64 indices below 152"),
        ("padim", lambda t, _: t.update(channels=t["channels"] + 1), "channels are int64 indices below 152"),
        ("padim", lambda t, _: t.update(channels=t["channels"].float()), "channels are int64 indices below 152"),
        ("padim", lambda _, c: c.update(format=2), "format 2, this version reads 1"),
        ("padim", lambda _, c: c.pop("card"), "not a Linegate model"),
        ("padim", lambda _, c: c["spec"].update(kind="oracle"), "unknown kind of model 'oracle'"),
        ("padim", lambda _, c: c["spec"].update(surprise=1), "surprise: Extra inputs"),
        ("padim", lambda _, c: c["spec"]["options"].update(channels=-3), "channels: Input should be greater"),
        ("padim", lambda _, c: c["spec"]["extractor"].update(stages=[7]), "stages"),
        ("padim", lambda _, c: c["card"]["calibration"].pop("threshold"), "calibration.threshold: Field required"),
    ],
)
def test_what_cannot_be_trusted_is_rejected(
    *,
    kind: str,
    change: Callable[[dict[str, torch.Tensor], dict[str, Any]], object],
    reason: str,
    pool: ExtractorPool,
    small: ExtractorSpec,
    pictures: Pictures,
    card: ModelCard,
    tmp_path: Path,
) -> None:
    """With one line that says why."""
    path = tmp_path / "model.safetensors"
    write_bundle(path, fitted(kind, pool, small, pictures), card)
    rewrite(path, change)
    with pytest.raises(BundleRejected, match=reason) as error:
        read_bundle(path, pool)
    assert "\n" not in str(error.value)


def test_damaged_files_are_rejected(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard, tmp_path: Path
) -> None:
    """Cut anywhere, empty, of another format, with one bit turned."""
    path = tmp_path / "model.safetensors"
    digest = write_bundle(path, fitted("padim", pool, small, pictures), card)
    whole = path.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BundleRejected, match="truncated or not a safetensors file"):
            read_bundle(path, pool)
    path.write_bytes(b"PK\x03\x04" + bytes(1000))
    with pytest.raises(BundleRejected, match="not a safetensors file"):
        read_bundle(path, pool)
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(BundleRejected, match="not a Linegate model"):
        read_bundle(path, pool)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BundleRejected, match=f"expected {digest}"):
        read_bundle(path, pool, expect=digest)


def test_an_unknown_kind_is_named(pool: ExtractorPool) -> None:
    """With those there are."""
    with pytest.raises(UnknownKind, match="'oracle'; known are padim, patchcore"):
        make_model(ModelSpec(kind="oracle"), pool)


class _Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def test_a_pickle_in_a_bundle_is_never_unpickled(
    pool: ExtractorPool, small: ExtractorSpec, pictures: Pictures, card: ModelCard, tmp_path: Path
) -> None:
    """Instead of the file, as torch writes one, before the header, or inside a tensor's bytes: refused or only data."""
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(_Trap(sprung))
    pickle.loads(trap)  # noqa: S301 - the trap works
    assert sprung.exists()
    sprung.unlink()

    path = tmp_path / "model.safetensors"
    write_bundle(path, fitted("padim", pool, small, pictures), card)
    whole = path.read_bytes()
    torch.save({"model": _Trap(sprung)}, tmp_path / "model.pt")
    for data in (trap, (tmp_path / "model.pt").read_bytes(), trap + whole, len(trap).to_bytes(8, "little") + trap):
        path.write_bytes(data)
        with pytest.raises(BundleRejected):
            read_bundle(path, pool, expect=hashlib.sha256(data).hexdigest())
    path.write_bytes(whole[: -len(trap)] + trap)
    with contextlib.suppress(BundleRejected):  # numbers of some value: whether they are finite is luck
        read_bundle(path, pool)
    assert not sprung.exists()
