"""The methods a model can be of, by name. A new method is one file and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.errors import LinegateError
from shared.models.base import AnomalyModel
from shared.models.extractor import ExtractorPool
from shared.models.padim import Padim
from shared.models.patchcore import PatchCore
from shared.models.spec import ModelSpec

KINDS: Final[Mapping[str, type[AnomalyModel]]] = MappingProxyType({cls.kind: cls for cls in (Padim, PatchCore)})


class UnknownKind(LinegateError, ValueError):
    """A spec names a method that this version of Linegate does not have."""


def model_class(kind: str) -> type[AnomalyModel]:
    """The class of a kind.

    Raises:
        UnknownKind: no such kind.
    """
    try:
        return KINDS[kind]
    except KeyError:
        raise UnknownKind(f"unknown kind of model {kind!r}; known are {', '.join(sorted(KINDS))}") from None


def make_model(spec: ModelSpec, pool: ExtractorPool) -> AnomalyModel:
    """An unfitted model with its extractor from the pool.

    Raises:
        UnknownKind: no such kind.
        ValueError: options or extractor out of range.
        WeightsNotFound: see `weights.load_weights`.
        WeightsMismatch: likewise.
    """
    return model_class(spec.kind)(spec, pool.get(spec.extractor))
