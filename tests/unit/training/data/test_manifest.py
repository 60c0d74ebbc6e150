"""Manifests: what they may say, and how their mistakes are told."""

import json
from pathlib import Path

import pytest

from training.data.manifest import load_manifest
from training.data.sample import DataRejected

POLYGON = [[1, 2], [30, 2], [30, 20], [1, 20]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three files that may be named as photos."""
    for name in ("a.png", "b.png", "m.png"):
        (tmp_path / name).write_bytes(b"not opened here")
    return tmp_path


def _jsonl(folder: Path, *rows: object) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_jsonl_with_every_column(folder: Path) -> None:
    """Every column arrives, nulls mean the default, blank lines do not count."""
    row = {
        "image": "b.png",
        "label": "damaged",
        "mask": "m.png",
        "part": "P1",
        "layout": "us",
        "camera": "mobile",
        "defect": "crack",
        "severity": 0.5,
        "polygon": POLYGON,
        "fold": "test",
    }
    good = {"image": "a.png", "label": "good", "mask": None, "defect": None, "layout": None, "severity": 0.0}
    first, second = load_manifest(_jsonl(folder, good, "", row))
    assert (first.defect, first.layout, first.mask, first.part) == ("", "any", None, None)
    assert second.mask == folder / "m.png"
    assert (second.camera, second.part, second.severity, second.fold) == ("mobile", "P1", 0.5, "test")
    assert second.polygon == ((1, 2), (30, 2), (30, 20), (1, 20))


def test_csv_as_a_spreadsheet_writes_it(folder: Path) -> None:
    """A byte order mark, Windows line ends, empty cells and a polygon as JSON text are all fine."""
    path = folder / "labels.csv"
    text = f'image,label,mask,polygon\r\na.png,good,,\r\nb.png,damaged,m.png,"{POLYGON}"\r\n'
    path.write_text(text, encoding="utf-8-sig", newline="")
    good, damaged = load_manifest(path)
    assert good.polygon is None
    assert damaged.polygon is not None
    assert damaged.polygon[2] == (30, 20)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.png,good,", "line 3: the photo .*c.png does not exist"),
        ("b.png,damaged,gone.png", "line 3: the mask .*gone.png does not exist"),
        ("b.png,broken,", "line 3: label: "),
        ("b.png", "line 3: label is missing"),
        ("b.png,good,m.png", "line 3: a good part has a mask"),
        ("a.png,good,", "line 3: a.png is already on line 2"),
        ("b.png,good,,what", "line 3: there is no column 'extra cells'"),
        ('b.png,"good', "line 3: unexpected end of data"),
    ],
)
def test_a_broken_csv_row_is_told_by_its_line(folder: Path, line: str, message: str) -> None:
    """The first wrong line is named with what is wrong."""
    path = folder / "labels.csv"
    path.write_text(f"image,label,mask\na.png,good,\n{line}", encoding="utf-8")
    with pytest.raises(DataRejected, match=message):
        load_manifest(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: line: "),
        ({"image": "b.png", "label": "good", "colour": 1}, "line 2: there is no column 'colour'"),
        ({"image": "b.png", "label": "good", "polygon": POLYGON[:3]}, "line 2: polygon"),
        ({"image": "b.png", "label": "good", "polygon": "oops"}, "line 2: polygon"),
    ],
)
def test_a_broken_json_line_is_told_by_its_line(folder: Path, line: object, message: str) -> None:
    """Likewise for JSON lines, with a hint that lists the columns."""
    path = _jsonl(folder, {"image": "a.png", "label": "good"}, line)
    with pytest.raises(DataRejected, match=message) as caught:
        load_manifest(path)
    assert caught.value.hint is not None
    assert "image" in caught.value.hint


def test_an_empty_manifest_is_refused(folder: Path) -> None:
    """No photos is no data set."""
    with pytest.raises(DataRejected, match="names no photos"):
        load_manifest(_jsonl(folder))
    with pytest.raises(DataRejected, match="there is no manifest"):
        load_manifest(folder / "gone.csv")
