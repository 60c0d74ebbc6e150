"""The bus refuses settings under which exactly-once would not hold."""

import pytest
from pydantic import ValidationError

from shared.bus.settings import BusSettings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"session_timeout_ms": 30_000}, "session_timeout_ms must hold"),
        ({"message_timeout_ms": 30_000}, "transaction_timeout_ms"),
        ({"low_water": 64}, "low_water must be below high_water"),
        ({"max_events": 65}, "no batch is ever full"),
        ({"group_id": "x"}, "Extra inputs"),
    ],
)
def test_refused(changes: dict[str, object], words: str) -> None:
    """Each with its reason."""
    with pytest.raises(ValidationError, match=words):
        BusSettings.model_validate(changes)


def test_every_setting_is_documented() -> None:
    """Operators read the description, not the code."""
    assert all(field.description for field in BusSettings.model_fields.values())
