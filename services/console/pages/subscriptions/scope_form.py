"""The fields of a form that say which places are meant. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from services.console.forms import Errors, Values, one
from services.console.words import N_
from shared.events.base import UNSPECIFIED, CameraKind, Slug
from shared.registry.place_key import FIELDS, WILDCARD, PlaceKey

UNSAID: Final = "-"
"""Stands in the form for the name `any`, which a camera says that does not know, e.g., its layout. People who type
`any` mean any."""
TAKES: Final = N_("A name of lower-case letters, digits, dots, dashes and underscores, or nothing for any.")
TAKES_CAMERA: Final = N_("Stationary, mobile, or any.")
LABELS: Final[Mapping[str, str]] = {
    "plant": N_("Plant"),
    "line": N_("Line"),
    "station": N_("Station"),
    "layout": N_("Layout"),
    "camera": N_("Camera"),
}
CAMERAS: Final[Mapping[CameraKind, str]] = {"stationary": N_("stationary"), "mobile": N_("mobile")}
_SLUG: Final[TypeAdapter[str]] = TypeAdapter(Slug)
_CAMERA: Final[TypeAdapter[str]] = TypeAdapter(CameraKind)


def scope_values(scope: PlaceKey) -> Values:
    """The fields of a scope."""
    return {name: (_typed(scope.named.get(name)),) for name in FIELDS}


def read_scope(values: Values) -> tuple[PlaceKey, Errors]:
    """The scope that the fields name, and what is wrong with them; what is wrong stands for any."""
    parts, errors = [], Errors()
    for name in FIELDS:
        part = _part(one(values, name))
        try:
            if part != WILDCARD:
                (_CAMERA if name == "camera" else _SLUG).validate_python(part)
        except ValidationError:
            errors[name] = TAKES_CAMERA if name == "camera" else TAKES
            part = WILDCARD
        parts.append(part)
    return PlaceKey("/".join(parts)), errors


def suggestions(scopes: Iterable[PlaceKey], plants: Iterable[str]) -> dict[str, list[str]]:
    """By field: the names that are known.

    Args:
        scopes: places that were seen, of plants that the visitor may read.
        plants: likewise.
    """
    found: dict[str, set[str]] = {name: set() for name in FIELDS}
    found["plant"].update(plants)
    for scope in scopes:
        for name, part in scope.named.items():
            found[name].add(_typed(part))
    return {name: sorted(names - {""}) for name, names in found.items()}


def _typed(name: str | None) -> str:
    return "" if name is None else UNSAID if name == UNSPECIFIED else name


def _part(text: str) -> str:
    plain = text.lower()
    return WILDCARD if plain in ("", WILDCARD, UNSPECIFIED) else UNSPECIFIED if text == UNSAID else text
