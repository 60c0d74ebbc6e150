"""Which photos to send, and what is known of each."""

import fnmatch
import glob
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.photo_event import SUFFIXES
from services.tally import Label
from shared.errors import LinegateError
from shared.events import CameraKind
from shared.events.base import PartId, Slug

MANIFEST: Final = "manifest.jsonl"
_NOT_IN_A_PART: Final = re.compile(r"[^A-Za-z0-9._:/-]+")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo to send. None means that only the command line can tell."""

    path: Path
    part: str
    layout: str | None = None
    camera: CameraKind | None = None
    label: Label | None = None


class _Line(BaseModel):
    """A line of a manifest. Keys that a replay has no use for (mask, polygon, defect, ...) are passed over."""

    model_config = ConfigDict(extra="ignore")

    image: Annotated[str, StringConstraints(min_length=1)]
    part: PartId | None = None
    layout: Slug | None = None
    camera: CameraKind | None = None
    label: Literal["good", "bad", "damaged"] | None = Field(None)


def find_photos(
    source: str, *, manifest: Path | None = None, good: str | None = None, bad: str | None = None
) -> list[Photo]:
    """The photos of a folder (with all below it), or those a glob names, sorted by path.

    A folder that holds a `manifest.jsonl` is sent as that manifest says.

    Args:
        source: the folder, or a glob such as `photos/**/*.jpg`.
        manifest: a manifest (JSON lines with `image`, and `part`, `layout`, `camera`, `label` where known); its
            `image` paths are relative to it.
        good: glob of the paths, relative to the folder, of photos known to be good; `*` crosses folders.
        bad: likewise of photos known to be bad.

    Raises:
        LinegateError: nothing to send, or a manifest that cannot be read.
    """
    folder = Path(source)
    if manifest is None and folder.is_dir() and (folder / MANIFEST).is_file():
        manifest = folder / MANIFEST
    photos = list(_listed(manifest) if manifest is not None else _found(source, good, bad))
    if not photos:
        raise LinegateError(
            f"no photos in {source}", hint=f"a folder or a quoted glob with {', '.join(sorted(SUFFIXES))} files"
        )
    return photos


def part_name(name: str) -> str:
    """A valid part id from a file's name: what is not allowed becomes `-`."""
    return _NOT_IN_A_PART.sub("-", name).lstrip("._:/-")[:128] or "part"


def _found(source: str, good: str | None, bad: str | None) -> Iterator[Photo]:
    root = Path(source)
    if root.is_file():
        root, paths = root.parent, [root]
    elif root.is_dir():
        paths = list(root.rglob("*"))
    else:
        paths = [Path(name) for name in glob.glob(source, recursive=True)]  # noqa: PTH207 - pathlib's has no absolute globs
        root = Path(re.split(r"[*?\[]", source, maxsplit=1)[0].rpartition("/")[0] or ".")
    for path in sorted(paths):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
            yield Photo(path, part_name(inside.removesuffix(path.suffix)), label=_label(inside, good, bad))


def _label(path: str, good: str | None, bad: str | None) -> Label | None:
    is_good = good is not None and fnmatch.fnmatch(path, good)
    is_bad = bad is not None and fnmatch.fnmatch(path, bad)
    if is_good and is_bad:
        raise LinegateError(
            f"{path} matches both --good {good} and --bad {bad}", hint="make the globs exclude each other"
        )
    return "good" if is_good else "bad" if is_bad else None


def _listed(manifest: Path) -> Iterator[Photo]:
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LinegateError(f"cannot read {manifest}: {error}") from None
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = _Line.model_validate(json.loads(text))
        except (json.JSONDecodeError, ValidationError) as error:
            what = "; ".join(str(error).split("\n")[:3])
            raise LinegateError(
                f"{manifest}, line {number}: {what}", hint='a line is {"image": "a.png", "part": "4711", ...}'
            ) from None
        path = manifest.parent / line.image
        if not path.is_file():
            raise LinegateError(f"{manifest}, line {number}: there is no file {path}")
        label: Label | None = None if line.label is None else "good" if line.label == "good" else "bad"
        part = line.part or part_name(Path(line.image).with_suffix("").as_posix())
        yield Photo(path, part, line.layout, line.camera, label)
