"""Dead letters: the record as it was, and the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.dead_letter import FloodGuard, dead_letter, revive
from shared.bus.errors import DeadLetterFloodError
from shared.bus.record import OutgoingRecord, Record

optional = st.none() | st.binary(max_size=30)
headers = st.lists(
    st.tuples(st.text(max_size=10).filter(lambda name: not name.startswith("lg_")), optional), max_size=6
)


@given(optional, optional, headers, st.text(max_size=60))
def test_a_revived_dead_letter_is_the_record_it_was(
    key: bytes | None, value: bytes | None, pairs: list[tuple[str, bytes | None]], reason: str
) -> None:
    """Nothing of key, value or headers (their order, doubles and absent values too) changes on the way."""
    record = Record("linegate.images", 3, 42, 1700000000000, key, value, tuple(pairs))
    letter = dead_letter(record, reason, worker="crop-0")
    assert letter.topic == "linegate.images.dlq"
    assert (letter.key, letter.value, letter.headers[: len(pairs)]) == (key, value, tuple(pairs))
    kept = Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers)
    assert revive(kept) == OutgoingRecord("linegate.images", key, value, tuple(pairs))


def test_only_dead_letters_are_revived() -> None:
    """Anything else is refused, with its place."""
    with pytest.raises(ValueError, match=r"x\[0\]@9 has no lg_topic header"):
        revive(Record("x", 0, 9, 0, None, None, ()))


def test_the_flood_guard_counts_the_last_minute() -> None:
    """Old letters are forgotten; what was refused is not counted."""
    guard = FloodGuard(10)
    guard.check(6, now=0.0)
    guard.check(4, now=30.0)
    with pytest.raises(DeadLetterFloodError, match="11 dead letters within a minute; the limit is 10"):
        guard.check(1, now=59.0)
    guard.check(6, now=60.0)
    with pytest.raises(DeadLetterFloodError):
        guard.check(1, now=61.0)


def test_zero_means_no_limit() -> None:
    """For a deliberate clearing out."""
    FloodGuard(0).check(1_000_000, now=0.0)
