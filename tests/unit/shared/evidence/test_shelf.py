"""The shelf gives back what was put, for as long as the retention says."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from shared.evidence import EvidenceRef, EvidenceShelf, EvidenceSource, day_of
from shared.settings import StoreSettings
from shared.store import StoreUnavailable

DAY = date(2026, 11, 24)


def shelf_at(url: str) -> EvidenceShelf:
    """A shelf in a store."""
    return EvidenceShelf(StoreSettings(url=url))


@pytest.fixture(params=["file", "memory"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> EvidenceShelf:
    """A folder, and the memory file system in the place of an object store."""
    if request.param == "file":
        return shelf_at(str(tmp_path / "store"))
    return shelf_at(f"memory://store-{tmp_path.name}/models")


def test_what_was_put_is_got(shelf: EvidenceShelf) -> None:
    """Each picture of each photo apart; the second put replaces the first."""
    shelf.put("munich", DAY, "photo/1", "photo", b"jpeg", mediatype="image/jpeg")
    shelf.put("munich", DAY, "photo/1", "crop", b"old")
    shelf.put("munich", DAY, "photo/1", "crop", b"png")
    shelf.put("munich", DAY, "../../2", "crop", b"another")
    assert shelf.get("munich", DAY, "photo/1", "photo") == b"jpeg"
    assert shelf.get("munich", DAY, "photo/1", "crop") == b"png"
    assert shelf.get("munich", DAY, "../../2", "crop") == b"another"
    assert shelf.get("munich", DAY, "photo/1", "map") is None
    assert shelf.get("munich", DAY, "photo/2", "photo") is None
    assert shelf.get("pune", DAY, "photo/1", "photo") is None
    assert shelf.get("munich", DAY + timedelta(days=1), "photo/1", "photo") is None


def test_the_layout_in_a_folder(tmp_path: Path) -> None:
    """By plant and day, with names that people recognise and nothing of the sender's in the path."""
    shelf_at(str(tmp_path)).put("munich", DAY, "../../etc/passwd", "photo", b"x", mediatype="image/jpeg")
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.relative_to(tmp_path).parts[:3] == ("evidence", "munich", "2026-11-24")
    assert path.name == "photo.jpg"
    assert len(path.parent.name) == 64


def test_what_expires(shelf: EvidenceShelf) -> None:
    """Whole days before the given one, of every plant; the count is of photos."""
    for plant in ("munich", "pune"):
        for age in range(3):
            for name in ("1", "2"):
                shelf.put(plant, DAY - timedelta(days=age), name, "crop", b"x")
                shelf.put(plant, DAY - timedelta(days=age), name, "map", b"x")
    assert shelf.expire(DAY) == 8
    assert shelf.get("munich", DAY - timedelta(days=1), "1", "crop") is None
    assert shelf.get("pune", DAY, "2", "map") == b"x"
    assert shelf.expire(DAY) == 0


def test_a_store_that_is_away(tmp_path: Path) -> None:
    """It says so; a picture that is nowhere is no such thing."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        shelf_at(str(blocked / "store")).put("munich", DAY, "1", "crop", b"x")
    gone = shelf_at(str(tmp_path / "gone"))
    with pytest.raises(StoreUnavailable, match="there is no artifact store"):
        gone.get("munich", DAY, "1", "crop")
    with pytest.raises(StoreUnavailable, match="there is no artifact store"):
        EvidenceSource(gone).get(EvidenceRef("munich", "1", datetime.now(UTC)), "crop")


def test_names_that_are_none(tmp_path: Path) -> None:
    """They are refused before they become a path."""
    shelf = shelf_at(str(tmp_path))
    with pytest.raises(ValueError, match="no name of a plant"):
        shelf.put("../munich", DAY, "1", "crop", b"x")
    with pytest.raises(ValueError, match="no media type"):
        shelf.put("munich", DAY, "1", "photo", b"x", mediatype="text/html")
    with pytest.raises(ValueError, match="none of photo, crop, map"):
        shelf.get("munich", DAY, "1", "../photo")  # type: ignore[arg-type]  # what a URL might bring
    assert list(tmp_path.iterdir()) == []


def test_the_day_is_the_shutters_in_utc() -> None:
    """Half past midnight in Kiritimati is yesterday."""
    assert day_of(datetime(2026, 11, 24, 0, 30, tzinfo=timezone(timedelta(hours=14)))) == date(2026, 11, 23)
