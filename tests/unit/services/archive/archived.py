"""Verdicts and an archive for tests of the history."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.archive.parquet import write_rows
from services.archive.row import row_of
from shared.events import Check, Timings, Verdict
from shared.evidence import day_of
from shared.history.files import HistoryFiles
from shared.settings import HistorySettings, StoreSettings
from tests.unit.services.labels.parts import STAMP

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIMITS = HistorySettings(memory_mib=128, threads=1)


def verdict(name: str = "1", *, decision: str = "pass", **more: Any) -> Verdict:
    """A verdict of munich/line-1; `fail` by damage."""
    damage = Check.model_validate({
        "name": "damage", "result": decision, "score": 3.0 if decision == "fail" else 1.0, "threshold": 2.0,
        "peak": (0.25, 0.5),
    })  # fmt: skip
    fields = {
        "id": f"verdict-{name}", "image": f"photo-{name}", "part": f"P{name}", "plant": "munich", "line": "line-1",
        "station": "st-40", "layout": "us", "captured": NOON, "time": NOON, "decision": decision, "model": STAMP,
        "checks": (damage, Check(name="presence", result="pass", score=0.9, threshold=0.5)),
        "timings": Timings(capture_to_verdict=120.0), "photo": "0@1", "crop": "0@2",
    }  # fmt: skip
    return Verdict.model_validate(fields | more)


def unfound(name: str = "1", **more: Any) -> Verdict:
    """A verdict on a photo without a label."""
    checks = (
        Check(name="damage", result="skipped", detail="no part to examine"),
        Check(name="presence", result="fail", score=0.1, threshold=0.5),
    )
    return verdict(name, **({"decision": "fail", "checks": checks, "model": None} | more))


def archive(url: str | Path, verdicts: Iterable[Verdict], *, stem: str = "rows") -> HistoryFiles:
    """Write them as the worker does, one file for each plant and day."""
    files = HistoryFiles(StoreSettings(url=str(url)))
    groups: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for one in verdicts:
        groups.setdefault((one.plant, day_of(one.captured)), []).append(row_of(one, evidence=True))
    for (plant, day), rows in groups.items():
        write_rows(files, files.folder(plant, day), stem, rows, LIMITS)
    return files
