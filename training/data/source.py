"""Open a data set by looking at what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.folder import GOOD_NAMES, find_folder, load_folders, load_globs
from training.data.manifest import ENDINGS, load_manifest
from training.data.mvtec import is_mvtec, load_mvtec
from training.data.sample import DataRejected, Sample


@dataclass(frozen=True, slots=True)
class DataSet:
    """Named samples."""

    name: str
    samples: tuple[Sample, ...]


def open_data(root: Path | None, *, good: Sequence[str] = (), bad: Sequence[str] = ()) -> DataSet:
    """Load a manifest (file, or the only one in a folder), an MVTec-like folder, good/bad folders, or two globs.

    Raises:
        DataRejected: it is none of these; the hint says what would be.
    """
    if good or bad:
        samples = load_globs(good, bad, root)
        return DataSet(root.resolve().name if root is not None else _name_of(samples), tuple(samples))
    if root is None:
        raise DataRejected("no training data given", hint="give a folder or a manifest, or --good and --bad patterns")
    if not root.exists():
        raise DataRejected(f"{root} does not exist")
    name = root.resolve().name
    if root.is_file():
        if root.suffix.lower() not in ENDINGS:
            raise DataRejected(f"{root} is no manifest", hint=f"a manifest ends in {' or '.join(ENDINGS)}")
        return DataSet(root.resolve().parent.name, tuple(load_manifest(root)))
    manifests = [path for path in sorted(root.iterdir()) if path.suffix.lower() in ENDINGS]
    if len(manifests) > 1:
        found = ", ".join(path.name for path in manifests)
        raise DataRejected(f"{root} holds several manifests: {found}", hint="name the one to use")
    if manifests:
        return DataSet(name, tuple(load_manifest(manifests[0])))
    if is_mvtec(root):
        return DataSet(name, tuple(load_mvtec(root)))
    if find_folder(root, GOOD_NAMES) is not None:
        return DataSet(name, tuple(load_folders(root)))
    raise DataRejected(
        f"{root} is no data set I know",
        hint="it may hold a .csv or .jsonl manifest, good/ and bad/ folders, or train/good and test/ as in MVTec AD;"
        " or use --good GLOB --bad GLOB",
    )


def _name_of(samples: Sequence[Sample]) -> str:
    """The deepest folder that all files share."""
    folders = [sample.source.parent for sample in samples if isinstance(sample.source, Path)]
    base = folders[0]
    while not all(folder.is_relative_to(base) for folder in folders):
        base = base.parent
    return base.resolve().name
