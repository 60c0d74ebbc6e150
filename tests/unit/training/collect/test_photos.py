"""Photos on the disk, and a folder that is whole or not there."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from shared.pixels import PixelSource
from shared.settings.sections import ImageSettings
from tests.unit.services.events import photo
from training.collect.folder import whole_folder
from training.collect.ledger import Photo
from training.collect.photos import CollectRejected, write_photos
from training.data.manifest import load_manifest
from training.data.source import open_data


def wanted(name: str, **more: Any) -> Photo:
    """That photo, as the ledger wants it."""
    event = photo(name)
    fields = {"label": "good", "finding": "", "layout": "us", "camera": "stationary", "time": 0.0} | more
    return Photo(plant="munich", image=event.id, part=event.part, **fields)


def quiet(_stage: str, _done: int, _total: int | None) -> None:
    """No progress."""


def test_each_wanted_photo_is_written_once(tmp_path: Path) -> None:
    """Byte for byte, under a name of our own making; the reading ends with the last one."""
    events = iter([photo("9"), photo("1"), photo("1"), photo("22", plant="puebla"), photo("22"), photo("3")])
    asked = [wanted("1"), wanted("22", label="damaged", finding="missed_damage")]
    told: list[tuple[str, int, int | None]] = []
    written = write_photos(events, asked, tmp_path, PixelSource(ImageSettings()), lambda *said: told.append(said))
    assert [row["label"] for row in written.rows] == ["good", "damaged"]
    assert written.rows[1]["defect"] == "missed_damage"
    for row, name in zip(written.rows, ("1", "22"), strict=True):
        assert (tmp_path / row["image"]).read_bytes() == photo(name).pixels
        assert written.digests[row["image"]] == hashlib.sha256(photo(name).pixels or b"").hexdigest()
    assert [event.id for event in events] == ["photo-3"]
    assert told[-1] == ("written", 2, 2)


def test_pixels_by_reference_are_fetched_within_the_allowed_roots_only(tmp_path: Path) -> None:
    """As a worker fetches them; what is not allowed is counted with its reason."""
    pixels = photo("1").pixels
    assert pixels is not None
    (tmp_path / "1.png").write_bytes(pixels)
    reference = {
        "pixels": None,
        "dataref": (tmp_path / "1.png").as_uri(),
        "datasha256": hashlib.sha256(pixels).hexdigest(),
        "datasize": len(pixels),
    }
    for roots, rows in (((tmp_path.as_uri() + "/",), 1), ((), 0)):
        folder = tmp_path / f"{rows}"
        folder.mkdir()
        source = PixelSource(ImageSettings(dataref_roots=roots))
        written = write_photos([photo("1", **reference)], [wanted("1")], folder, source, quiet)
        assert len(written.rows) == rows
        assert sum(written.unreadable.values()) == 1 - rows


def test_a_picture_that_was_found_damaged_is_good_under_no_other_id(tmp_path: Path) -> None:
    """As where a folder was replayed twice: training would refuse the set for one photo under both labels."""
    events = [photo("1"), photo("2"), photo("333")]
    asked = [wanted("1"), wanted("2", label="damaged", finding="missed_damage"), wanted("333")]
    assert events[0].pixels == events[1].pixels
    written = write_photos(events, asked, tmp_path, PixelSource(ImageSettings()), quiet)
    assert [row["part"] for row in written.rows] == ["P2", "P333"]
    assert sorted(written.digests) == sorted(row["image"] for row in written.rows)
    assert len(list((tmp_path / "photos").iterdir())) == 2
    assert written.unreadable == {"the same picture was found damaged under another id": 1}


def test_a_place_that_is_away_ends_it(tmp_path: Path) -> None:
    """A set that lacks what a share held would look whole."""
    reference = {"pixels": None, "dataref": "http://127.0.0.1:9/1.png", "datasha256": "0" * 64, "datasize": 10}
    source = PixelSource(ImageSettings(dataref_roots=("http://127.0.0.1:9/",)))
    with pytest.raises(CollectRejected, match="cannot be fetched now"):
        write_photos([photo("1", **reference)], [wanted("1")], tmp_path, source, quiet)


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    """Cut off in the middle, by whatever, nothing is left; what is there is never overwritten."""
    target = tmp_path / "deep" / "set"

    def cut_off() -> None:
        with whole_folder(target) as folder:
            (folder / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert list(target.parent.iterdir()) == []
    with whole_folder(target) as folder:
        assert not target.exists()
        (folder / "whole").write_text("x")
    assert [path.name for path in target.iterdir()] == ["whole"]
    assert list(target.parent.iterdir()) == [target]
    with pytest.raises(CollectRejected, match="exists already"), whole_folder(target):
        pass
    with pytest.raises(CollectRejected, match="meanwhile"), whole_folder(tmp_path / "late"):
        (tmp_path / "late").mkdir()


def test_the_rows_make_a_manifest_that_training_reads(tmp_path: Path) -> None:
    """The columns are those of `training/data/manifest.py`."""
    events = [photo("1"), photo("22")]
    asked = [wanted("1", layout="any"), wanted("22", label="damaged", finding="f")]
    written = write_photos(events, asked, tmp_path, PixelSource(ImageSettings()), quiet)
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in written.rows))
    samples = load_manifest(tmp_path / "manifest.jsonl")
    assert open_data(tmp_path).samples == tuple(samples)
    assert [(s.label, s.part, s.layout, s.camera, s.defect) for s in samples] == [
        ("good", "P1", "any", "stationary", ""),
        ("damaged", "P22", "us", "stationary", "f"),
    ]
