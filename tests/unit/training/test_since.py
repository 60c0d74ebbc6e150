"""How far back, as people write it."""

from datetime import UTC, datetime, timedelta

import pytest

from training.arguments import ArgumentRejected
from training.since import since

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("4w", timedelta(weeks=4)),
        ("2026-11-24", timedelta(hours=12)),
        ("2026-11-24T12:00:00+02:00", timedelta(hours=2)),
    ],
)
def test_a_span_or_a_moment(text: str, ago: timedelta) -> None:
    """Without an offset a moment is UTC."""
    assert since(text, now=NOW) == NOW - ago
    assert since(None, now=NOW) is None


@pytest.mark.parametrize("text", ["", "7", "7y", "-7d", "soon", "2026-13-01", "2027-01-01", "999999w"])
def test_anything_else_is_told(text: str) -> None:
    """Also a time to come, and one before time began."""
    with pytest.raises(ArgumentRejected):
        since(text, now=NOW)
