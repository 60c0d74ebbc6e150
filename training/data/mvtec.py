"""The folder layout of MVTec AD: `train/good`, `test/<defect>`, `ground_truth/<defect>/<name>_mask.png`.

The data set fixes its test part, so published figures stay comparable: photos under `test` are only ever tested on, and
calibration parts are held out from `train/good`.
"""

from pathlib import Path

from training.data.sample import DataRejected, Sample, is_picture

GOOD = "good"


def is_mvtec(root: Path) -> bool:
    """Whether `root` is one object of MVTec AD, or laid out like one."""
    return (root / "train" / GOOD).is_dir() and (root / "test").is_dir()


def load_mvtec(root: Path) -> list[Sample]:
    """All photos of one object.

    Raises:
        DataRejected: a folder is empty, or a damaged photo has no mask although its defect has a mask folder.
    """
    train = [_sample(root, path, damaged=False, test=False) for path in _pictures(root / "train" / GOOD)]
    if not train:
        raise DataRejected(f"no photos in {root / 'train' / GOOD}")
    test = [
        _sample(root, path, damaged=folder.name != GOOD, test=True)
        for folder in sorted((root / "test").iterdir())
        if folder.is_dir()
        for path in _pictures(folder)
    ]
    return train + test


def _pictures(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if is_picture(path)]


def _sample(root: Path, path: Path, *, damaged: bool, test: bool) -> Sample:
    defect = path.parent.name if damaged else ""
    return Sample(
        name=path.relative_to(root).as_posix(),
        source=path,
        label="damaged" if damaged else "good",
        mask=_mask(root, path) if damaged else None,
        defect=defect,
        fold="test" if test else "development",
    )


def _mask(root: Path, path: Path) -> Path | None:
    folder = root / "ground_truth" / path.parent.name
    if not folder.is_dir():
        return None
    mask = folder / f"{path.stem}_mask.png"
    if not mask.is_file():
        raise DataRejected(f"{path.relative_to(root)} has no mask at {mask.relative_to(root)}")
    return mask
