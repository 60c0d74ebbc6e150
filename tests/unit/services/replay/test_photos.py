"""Which photos a replay sends, and what it knows of each."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from services.replay.photos import find_photos, part_name
from shared.errors import LinegateError
from shared.events.base import PartId


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good photos, one bad, and things that are no photos."""
    for name in ("good/a.png", "good/deep/b.JPG", "crack/c.jpeg", "crack/notes.txt", "thumbs.db"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_a_folder_is_searched_to_the_bottom(folder: Path) -> None:
    """Every picture below, sorted, named after its path; nothing else."""
    photos = find_photos(str(folder))
    assert [(photo.part, photo.label) for photo in photos] == [
        ("crack/c", None),
        ("good/a", None),
        ("good/deep/b", None),
    ]


def test_globs_tell_good_from_bad(folder: Path) -> None:
    """Labels come from the path relative to the folder; what matches neither has none."""
    photos = find_photos(str(folder), good="good/*", bad="crack/*")
    assert [photo.label for photo in photos] == ["bad", "good", "good"]
    assert [photo.label for photo in find_photos(str(folder), bad="crack/*")] == ["bad", None, None]


def test_contradicting_globs_are_an_error(folder: Path) -> None:
    """A photo cannot be both."""
    with pytest.raises(LinegateError, match="both --good"):
        find_photos(str(folder), good="*", bad="crack/*")


@pytest.mark.parametrize(("pattern", "parts"), [("good/*", ["a"]), ("**/*.jpeg", ["crack/c"])])
def test_a_glob_names_photos(folder: Path, pattern: str, parts: list[str]) -> None:
    """A glob is taken as the shell would, with ** for any depth; parts are named from where the glob begins."""
    assert [photo.part for photo in find_photos(f"{folder}/{pattern}")] == parts


def test_a_single_file_will_do(folder: Path) -> None:
    """One photo is a replay of one."""
    assert [photo.part for photo in find_photos(str(folder / "good/a.png"))] == ["a"]


def test_nothing_to_send_is_an_error(tmp_path: Path) -> None:
    """An empty folder and a missing one are told, not replayed as zero photos."""
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LinegateError, match="no photos"):
            find_photos(str(source))


def manifest(folder: Path, *lines: object) -> Path:
    """Write a manifest of `lines`."""
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def test_a_manifest_in_the_folder_is_followed(folder: Path) -> None:
    """A folder with a manifest is sent as it says: its order, its parts, its labels, and nothing that is not in it."""
    manifest(
        folder,
        {"image": "good/a.png", "part": "P-1", "layout": "us", "camera": "mobile", "label": "good", "mask": None},
        {"image": "crack/c.jpeg", "label": "damaged", "polygon": [[0, 0]]},
    )
    first, second = find_photos(str(folder))
    assert (first.part, first.layout, first.camera, first.label) == ("P-1", "us", "mobile", "good")
    assert (second.part, second.layout, second.camera, second.label) == ("crack/c", None, None, "bad")
    assert second.path == folder / "crack/c.jpeg"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{not json", "line 1"),
        ({"part": "P-1"}, "image"),
        ({"image": "good/a.png", "label": "dunno"}, "label"),
        ({"image": "good/a.png", "camera": "drone"}, "camera"),
        ({"image": "gone.png"}, "no file"),
    ],
)
def test_a_wrong_manifest_names_the_line(folder: Path, line: object, word: str) -> None:
    """Every mistake is told with its line before the first photo is sent."""
    path = manifest(folder, line)
    with pytest.raises(LinegateError, match="line 1") as caught:
        find_photos(str(folder), manifest=path)
    assert word in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "Größe/ü", "...", "", "x" * 300, "-a", "ok/1.2:3"])
def test_any_file_name_becomes_a_valid_part(name: str) -> None:
    """The part id derived from a name passes the wire contract."""
    check = TypeAdapter(PartId)
    assert check.validate_python(part_name(name)) == part_name(name)
