"""Photos in folders: one folder of good parts, one of damaged ones, or any two globs."""

from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Final

from training.data.sample import DataRejected, Label, Sample, is_picture

GOOD_NAMES: Final = ("good", "ok", "undamaged", "normal")
BAD_NAMES: Final = ("bad", "nok", "damaged", "defect", "anomaly", "abnormal")


def find_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The first child folder of `root` that bears one of `names`, whatever its case."""
    children = {child.name.lower(): child for child in sorted(root.iterdir()) if child.is_dir()}
    return next((children[name] for name in names if name in children), None)


def load_folders(root: Path) -> list[Sample]:
    """Photos under `root/good` and, where it exists, `root/bad` (or ok/nok, undamaged/damaged, ...), at any depth.

    A folder below `bad` names the kind of defect. A `.png` beside a photo of another format is its mask.

    Raises:
        DataRejected: there is no folder of good photos, or it holds none.
    """
    good, bad = find_folder(root, GOOD_NAMES), find_folder(root, BAD_NAMES)
    if good is None:
        raise DataRejected(
            f"no folder of good photos in {root}", hint=f"name it one of: {', '.join(GOOD_NAMES)}; or use --good GLOB"
        )
    samples = _of_folder(root, good, "good")
    if not samples:
        raise DataRejected(f"no photos in {good}", hint="JPEG, PNG, BMP, TIFF and WebP files count as photos")
    return samples + ([] if bad is None else _of_folder(root, bad, "damaged"))


def load_globs(good: Sequence[str], bad: Sequence[str], root: Path | None = None) -> list[Sample]:
    """Photos matched by glob patterns (`**` is any depth), relative to `root` unless absolute.

    The folder that holds a damaged photo names its defect, unless it is a mere container such as `Imgs`.

    Raises:
        DataRejected: a pattern matches nothing, or a photo is matched as both good and damaged.
    """
    if not good:
        raise DataRejected("no pattern for good photos", hint="add --good 'DIR/good/*.jpg'")
    found: dict[Path, Label] = {}
    labelled: tuple[tuple[Sequence[str], Label], ...] = ((good, "good"), (bad, "damaged"))
    for patterns, label in labelled:
        for pattern in patterns:
            matched = _matched(pattern, root)
            if clash := next((path for path in matched if found.get(path, label) != label), None):
                raise DataRejected(f"{clash} is matched as good and as damaged", hint="narrow --good or --bad")
            found.update(dict.fromkeys(matched, label))
    base = _common_folder(list(found))
    return [
        Sample(
            name=path.relative_to(base).as_posix(),
            source=path,
            label=label,
            mask=_mask_beside(path) if label == "damaged" else None,
            defect=_defect(path, base) if label == "damaged" else "",
        )
        for path, label in sorted(found.items())
    ]


def _matched(pattern: str, root: Path | None) -> list[Path]:
    full = str(root / pattern) if root is not None and not Path(pattern).is_absolute() else pattern
    matches = glob(full, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    paths = [path for path in map(Path, matches) if is_picture(path) and path.is_file()]
    if not paths:
        raise DataRejected(f"no photos match {full}", hint="quote the pattern, so that the shell leaves it alone")
    return paths


def _common_folder(paths: list[Path]) -> Path:
    base = paths[0].parent
    while not all(path.is_relative_to(base) for path in paths):
        base = base.parent
    return base


def _defect(path: Path, base: Path) -> str:
    """The folder whose name tells photos apart: the outermost one below the common folder."""
    inside = path.relative_to(base).parts
    return inside[0] if len(inside) > 1 else path.parent.name


def _of_folder(root: Path, folder: Path, label: Label) -> list[Sample]:
    damaged = label == "damaged"
    pictures = [path for path in sorted(folder.rglob("*")) if is_picture(path) and path.is_file()]
    masks = {mask for path in pictures if (mask := _mask_beside(path)) is not None}
    return [
        Sample(
            name=path.relative_to(root).as_posix(),
            source=path,
            label=label,
            mask=_mask_beside(path) if damaged else None,
            defect=_defect(path, folder) if damaged else "",
        )
        for path in pictures
        if path not in masks
    ]


def _mask_beside(path: Path) -> Path | None:
    """`part.png` beside `part.jpg` is the mask of `part.jpg`."""
    mask = path.with_suffix(".png")
    return mask if mask != path and mask.is_file() else None
