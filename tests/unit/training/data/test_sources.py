"""Folders, globs and MVTec's layout, and telling which is which."""

from pathlib import Path

import pytest

from training.data.sample import DataRejected
from training.data.source import open_data


def _touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_good_and_bad_folders(tmp_path: Path) -> None:
    """Names of folders are read whatever their case; a PNG beside a JPEG is its mask; hidden files do not count."""
    _touch(tmp_path, "OK/1.jpg", "OK/2.PNG", "OK/.hidden.png", "OK/notes.txt")
    _touch(tmp_path, "nok/crack/3.jpg", "nok/crack/3.png", "nok/4.jpg")
    samples = {sample.name: sample for sample in open_data(tmp_path).samples}
    assert set(samples) == {"OK/1.jpg", "OK/2.PNG", "nok/crack/3.jpg", "nok/4.jpg"}
    assert samples["nok/crack/3.jpg"].defect == "crack"
    assert samples["nok/crack/3.jpg"].mask == tmp_path / "nok/crack/3.png"
    assert samples["nok/4.jpg"].mask is None
    assert not samples["OK/1.jpg"].damaged


def test_mvtec_layout_keeps_its_test_part(tmp_path: Path) -> None:
    """Test photos stay test photos; masks are found by MVTec's naming."""
    _touch(tmp_path, "train/good/000.png", "test/good/000.png", "test/cut/000.png", "ground_truth/cut/000_mask.png")
    samples = {sample.name: sample for sample in open_data(tmp_path).samples}
    assert samples["train/good/000.png"].fold == "development"
    assert samples["test/good/000.png"].fold == "test"
    cut = samples["test/cut/000.png"]
    assert (cut.defect, cut.fold, cut.mask) == ("cut", "test", tmp_path / "ground_truth/cut/000_mask.png")


def test_mvtec_with_a_missing_mask_is_refused(tmp_path: Path) -> None:
    """A defect with a mask folder but without this mask is a broken copy."""
    _touch(tmp_path, "train/good/000.png", "test/cut/000.png", "test/cut/001.png", "ground_truth/cut/000_mask.png")
    with pytest.raises(DataRejected, match=r"001.png has no mask at .*001_mask.png"):
        open_data(tmp_path)


def test_globs_name_defects_by_the_folder_that_differs(tmp_path: Path) -> None:
    """Photos in a container folder get the outer folder's name, and a PNG beside a JPEG as mask."""
    _touch(tmp_path, "T_Free/Imgs/a.jpg", "T_Crack/Imgs/b.jpg", "T_Crack/Imgs/b.png", "T_Fray/Imgs/c.jpg")
    data = open_data(tmp_path, good=["T_Free/Imgs/*.jpg"], bad=["T_C*/Imgs/*.jpg", "T_Fray/**/*.jpg"])
    found = {sample.name: (sample.label, sample.defect, sample.mask) for sample in data.samples}
    assert found == {
        "T_Free/Imgs/a.jpg": ("good", "", None),
        "T_Crack/Imgs/b.jpg": ("damaged", "T_Crack", tmp_path / "T_Crack/Imgs/b.png"),
        "T_Fray/Imgs/c.jpg": ("damaged", "T_Fray", None),
    }


def test_globs_that_overlap_or_miss_are_refused(tmp_path: Path) -> None:
    """A photo cannot be both, and a pattern must match something."""
    _touch(tmp_path, "a.jpg")
    with pytest.raises(DataRejected, match="as good and as damaged"):
        open_data(tmp_path, good=["*.jpg"], bad=["a.*"])
    with pytest.raises(DataRejected, match="no photos match"):
        open_data(tmp_path, good=["*.bmp"])
    with pytest.raises(DataRejected, match="no pattern for good"):
        open_data(tmp_path, bad=["*.jpg"])


def test_a_manifest_in_the_folder_wins(tmp_path: Path) -> None:
    """A folder with one manifest is that manifest; with two, somebody must choose."""
    _touch(tmp_path, "good/a.png")
    (tmp_path / "manifest.jsonl").write_text('{"image": "good/a.png", "label": "damaged"}')
    assert [sample.label for sample in open_data(tmp_path).samples] == ["damaged"]
    assert open_data(tmp_path / "manifest.jsonl") == open_data(tmp_path)
    (tmp_path / "other.csv").write_text("image,label\n")
    with pytest.raises(DataRejected, match=r"several manifests: manifest.jsonl, other.csv"):
        open_data(tmp_path)


def test_what_is_no_data_set_is_told_with_a_hint(tmp_path: Path) -> None:
    """The hint lists what would be one."""
    with pytest.raises(DataRejected, match="no data set I know") as caught:
        open_data(tmp_path)
    assert "good/ and bad/" in str(caught.value.hint)
    with pytest.raises(DataRejected, match="does not exist"):
        open_data(tmp_path / "gone")
    with pytest.raises(DataRejected, match="no training data"):
        open_data(None)
    (tmp_path / "x.zip").touch()
    with pytest.raises(DataRejected, match="is no manifest"):
        open_data(tmp_path / "x.zip")
    (tmp_path / "good").mkdir()
    with pytest.raises(DataRejected, match="no photos in"):
        open_data(tmp_path)
