"""One labelled photo, read only when it is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from shared.errors import LinegateError
from shared.events import UNSPECIFIED, CameraKind

Label: TypeAlias = Literal["good", "damaged"]
Fold: TypeAlias = Literal["train", "development", "calibration", "test"]
"""Where a data set itself says a photo belongs; `development` is train or calibration, as the split decides."""
Polygon: TypeAlias = tuple[tuple[float, float], ...]
"""Four corners (x, y) in pixels, in reading order."""
Source: TypeAlias = Path | Callable[[], bytes]

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""File endings that count as pictures where a folder is listed."""


class DataRejected(LinegateError):
    """The training data cannot be used as it stands."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled photo of one part.

    Attributes:
        name: what a person calls it, e.g. its path below the data folder; unique within a data set.
        source: a file, or a function that fetches the encoded picture.
        label: `damaged` is the positive class throughout.
        mask: a picture whose non-zero pixels are damaged, same size as the photo; None where it was not drawn.
        defect: the kind of damage, empty when unknown or good.
        layout: the label layout, or `any`.
        camera: the imaging situation.
        polygon: the label's corners in the photo, where they are known.
        part: the part's id; photos of one part never straddle train, calibration and test.
        severity: how visible the damage is, 0 to 1, where that is known.
        fold: set where the data set itself fixes the division.
    """

    name: str
    source: Source
    label: Label
    mask: Source | None = None
    defect: str = ""
    layout: str = UNSPECIFIED
    camera: CameraKind = "stationary"
    polygon: Polygon | None = None
    part: str | None = None
    severity: float | None = None
    fold: Fold | None = None

    @property
    def damaged(self) -> bool:
        """Whether the label is `damaged`."""
        return self.label == "damaged"

    def read(self) -> bytes:
        """The encoded photo.

        Raises:
            DataRejected: the file cannot be read.
        """
        return _read(self.source, self.name)

    def read_mask(self) -> bytes | None:
        """The encoded mask, or None where there is none.

        Raises:
            DataRejected: the file cannot be read.
        """
        return None if self.mask is None else _read(self.mask, f"mask of {self.name}")


def _read(source: Source, name: str) -> bytes:
    if not isinstance(source, Path):
        return source()
    try:
        return source.read_bytes()
    except OSError as error:
        raise DataRejected(f"cannot read {name} ({source}): {error.strerror}") from None


def is_picture(path: Path) -> bool:
    """Whether the file's ending is a picture's, and it is not hidden."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")
