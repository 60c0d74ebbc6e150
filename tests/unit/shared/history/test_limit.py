"""A question that takes too long is broken off, and said to be too large."""

from pathlib import Path
from typing import Final

import duckdb
import pytest

from shared.history import History, HistoryTooLarge, Scope, sql
from shared.history.database import database, time_limit
from shared.settings import HistorySettings, StoreSettings
from shared.settings.plants import PlantsSettings
from tests.unit.services.archive.archived import LIMITS, archive, verdict

FOR_EVER: Final = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
"""Hours, and little memory."""


def test_a_statement_is_interrupted() -> None:
    """And one that is quick is not; the connection goes on."""
    with database(HistorySettings()) as connection:
        with pytest.raises(duckdb.InterruptException), time_limit(connection, 0.2):
            connection.execute(FOR_EVER).fetchall()
        with time_limit(connection, 60.0):
            assert connection.execute("SELECT 7").fetchall() == [(7,)]


def test_a_question_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a word about what to do; the next one is answered."""
    archive(tmp_path, [verdict("1")])
    asked = History(StoreSettings(url=str(tmp_path)), PlantsSettings(), LIMITS.model_copy(update={"seconds": 0.3}))
    with monkeypatch.context() as patch:
        patch.setattr(sql, "summary", lambda *_: sql.Query(FOR_EVER))
        with pytest.raises(HistoryTooLarge, match="too long") as told:
            asked.summary("day", Scope())
    assert told.value.hint is not None
    assert "history.seconds" in told.value.hint
    patient = History(StoreSettings(url=str(tmp_path)), PlantsSettings(), LIMITS)
    assert patient.summary("day", Scope()).total.parts == 1
