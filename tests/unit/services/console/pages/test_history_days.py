"""What the page of the history draws."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from services.console.pages.history.view import page, same_days
from shared.history import History, Scope
from shared.settings import StoreSettings
from shared.settings.plants import PlantsSettings
from tests.unit.services.archive.archived import LIMITS, archive, verdict

PLANTS = PlantsSettings.model_validate({
    "named": {"munich": {"zone": "Europe/Berlin"}, "pune": {"zone": "Asia/Kolkata"}}
})  # fmt: skip


def test_days_of_plants_in_several_zones_stand_in_one_column(tmp_path: Path) -> None:
    """Each by its own date, with the plant's name and its own percentiles."""
    at = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # the 25th in Pune
    archive(tmp_path, [
        verdict("1", captured=at), verdict("2", captured=at.replace(day=25), decision="fail"),
        verdict("3", plant="pune", captured=at),
    ])  # fmt: skip
    answer = History(StoreSettings(url=str(tmp_path)), PLANTS, LIMITS).summary("day", Scope())
    shown_in = ZoneInfo("UTC")
    days = same_days(answer, lambda plant: ZoneInfo(PLANTS.of(plant or "").zone), shown_in)
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert [(bucket.begin, bucket.plant, bucket.parts) for bucket in days.buckets] == [
        (noon, "munich", 1), (noon.replace(day=25), "munich", 1), (noon.replace(day=25), "pune", 1),
    ]  # fmt: skip
    assert all(bucket.latency_p50_ms == 120.0 for bucket in days.buckets)
    drawn = page(days).timeline
    assert drawn is not None
    assert drawn.slots == (noon, noon.replace(day=25))
    assert {line.plant: line.values for line in drawn.lines} == {"munich": (0.0, 1.0), "pune": (None, 0.0)}
