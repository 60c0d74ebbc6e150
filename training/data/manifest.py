"""A manifest: one CSV row or JSON line per photo, with paths relative to the manifest's folder.

Columns: `image` and `label` are required; `mask`, `part`, `layout`, `camera`, `defect`, `severity`, `polygon` and
`fold` may join. In CSV a polygon is JSON text, and an empty cell means "not known".
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.events import UNSPECIFIED, CameraKind
from training.data.sample import DataRejected, Fold, Sample

ENDINGS: Final = (".csv", ".jsonl")


class Row(BaseModel):
    """One line of a manifest."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[str, Field(min_length=1)]
    label: Literal["good", "damaged"]
    mask: str | None = None
    part: str | None = None
    layout: str = UNSPECIFIED
    camera: CameraKind = "stationary"
    defect: str = ""
    severity: float | None = None
    polygon: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]] | None = None
    fold: Fold | None = None

    @field_validator("polygon", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("layout", "camera", "defect", mode="before")
    @classmethod
    def _none_is_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value


def load_manifest(path: Path) -> list[Sample]:
    """Read a `.csv` or `.jsonl` manifest.

    Raises:
        DataRejected: the first line that is wrong, by its number: not readable, an unknown column, a missing photo or
            mask, a mask on a good part, an image named twice, or no lines at all.
    """
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _jsonl_rows(path)
    samples: list[Sample] = []
    seen: dict[str, int] = {}
    for number, fields in rows:
        try:
            row = Row.model_validate(fields)
        except (ValidationError, ValueError) as error:
            raise DataRejected(f"{path}, line {number}: {_told(error)}", hint=_hint()) from None
        if (first := seen.setdefault(row.image, number)) != number:
            raise DataRejected(f"{path}, line {number}: {row.image} is already on line {first}")
        samples.append(_sample(path, number, row))
    if not samples:
        raise DataRejected(f"{path} names no photos", hint=_hint())
    return samples


def _sample(path: Path, number: int, row: Row) -> Sample:
    if row.mask and row.label == "good":
        raise DataRejected(f"{path}, line {number}: a good part has a mask", hint="is its label right?")
    image = path.parent / row.image
    mask = path.parent / row.mask if row.mask else None
    for file, what in ((image, "photo"), (mask, "mask")):
        if file is not None and not file.is_file():
            raise DataRejected(
                f"{path}, line {number}: the {what} {file} does not exist",
                hint="paths are relative to the manifest's folder",
            )
    return Sample(
        name=row.image,
        source=image,
        label=row.label,
        mask=mask,
        defect=row.defect,
        layout=row.layout,
        camera=row.camera,
        polygon=row.polygon,
        part=row.part,
        severity=row.severity,
        fold=row.fold,
    )


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # utf-8-sig: spreadsheets write a byte order mark, which would otherwise become part of the first column's name.
    with _open(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="extra cells", strict=True)
        try:
            for row in reader:
                yield reader.line_num, {key: value for key, value in row.items() if value not in ("", None)}
        except (csv.Error, UnicodeDecodeError) as error:
            # DictReader.line_num lags behind where the row itself is broken.
            raise DataRejected(f"{path}, line {reader.reader.line_num}: {error}", hint=_hint()) from None


def _jsonl_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with _open(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise DataRejected(f"{path}, line {number}: not JSON: {error.msg}", hint=_hint()) from None


def _open(path: Path) -> Path:
    if not path.is_file():
        raise DataRejected(f"there is no manifest {path}")
    return path


def _told(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(step) for step in problem["loc"]) or "line"
    if problem["type"] == "missing":
        return f"{name} is missing"
    if problem["type"] == "extra_forbidden":
        return f"there is no column {name!r}"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"


def _hint() -> str:
    return f"columns: {', '.join(Row.model_fields)}; image and label are required"
