"""Assignment keys: `plant/line/station/layout/camera`, where any field may be the wildcard `*`."""

from functools import lru_cache
from itertools import product
from typing import Final, Self

from pydantic import RootModel, field_validator

from shared.events import Place

FIELDS: Final = ("plant", "line", "station", "layout", "camera")
WILDCARD: Final = "*"
_MASKS: Final = sorted(product((1, 0), repeat=len(FIELDS)), key=lambda mask: (-sum(mask), [-bit for bit in mask]))
"""Which fields are named, most specific first: more named fields win; among equals the one further left."""


class PlaceKey(RootModel[str]):
    """A pattern over places, most specific wins. Hashable; prints as its text."""

    model_config = {"frozen": True}

    @field_validator("root")
    @classmethod
    def _well_formed(cls, text: str) -> str:
        parts = text.split("/")
        if len(parts) > len(FIELDS) or not all(parts):
            raise ValueError(f"a key is {'/'.join(FIELDS)} with * for any; got {text!r}")
        parts += [WILDCARD] * (len(FIELDS) - len(parts))
        named = {name: part for name, part in zip(FIELDS, parts, strict=True) if part != WILDCARD}
        Place.model_validate({"plant": "p", "line": "l", **named})
        return "/".join(parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key; missing trailing fields are wildcards, so `munich/line-1` is `munich/line-1/*/*/*`."""
        return cls(text)

    @property
    def named(self) -> dict[str, str]:
        """The fields that are no wildcard, by name."""
        return {name: part for name, part in zip(FIELDS, self.root.split("/"), strict=True) if part != WILDCARD}

    @property
    def plant(self) -> str:
        """The plant it is of; `*` where it is of all."""
        return self.root.split("/", 1)[0]

    def matches(self, place: Place) -> bool:
        """Whether `place` falls under this key."""
        parts = self.root.split("/")
        return all(part in (WILDCARD, getattr(place, name)) for name, part in zip(FIELDS, parts, strict=True))

    def covers(self, other: "PlaceKey") -> bool:
        """Whether every place under `other` falls under this key too."""
        return all(
            mine in (WILDCARD, theirs) for mine, theirs in zip(self.root.split("/"), other.root.split("/"), strict=True)
        )

    def overlaps(self, other: "PlaceKey") -> bool:
        """Whether some place falls under both keys."""
        pairs = zip(self.root.split("/"), other.root.split("/"), strict=True)
        return all(mine == theirs or WILDCARD in (mine, theirs) for mine, theirs in pairs)

    @property
    def specificity(self) -> tuple[int, tuple[bool, ...]]:
        """The greater wins: more named fields, and among equals the one further left."""
        named = tuple(part != WILDCARD for part in self.root.split("/"))
        return sum(named), named

    def __str__(self) -> str:
        return self.root

    def __hash__(self) -> int:
        return hash(self.root)


@lru_cache(maxsize=4096)
def candidate_keys(place: Place) -> tuple[PlaceKey, ...]:
    """All 32 keys that match `place`, most specific first.

    More named fields win; among equals the field further left wins, since a plant outweighs a camera.
    """
    values = [getattr(place, name) for name in FIELDS]
    # The fields of a place are valid parts of a key: no need to check 32 keys for every photo.
    return tuple(
        PlaceKey.model_construct("/".join(value if bit else WILDCARD for value, bit in zip(values, mask, strict=True)))
        for mask in _MASKS
    )
