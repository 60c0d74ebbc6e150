"""Dead letters: the record as it was, the reason, and its life before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.dead_letter import Origin, dead_letter, read_letter, revive
from shared.bus.record import Headers, OutgoingRecord, Record

optional = st.none() | st.binary(max_size=30)
history = {"lg_first_topic", "lg_first_partition", "lg_first_offset", "lg_first_timestamp", "lg_attempt", "lg_letter"}
names = st.text(max_size=10) | st.sampled_from(["lg_reason", "lg_topic", "lg_offset", "ce_id", "LG_TOPIC"])
headers = st.lists(st.tuples(names, optional), max_size=6).map(tuple)
RECORD = Record("linegate.images", 3, 42, 1700000000000, b"key", b"value", (("ce_id", b"7"),))


def lies(sent: OutgoingRecord, *, partition: int = 0, offset: int = 0, timestamp: int = 5) -> Record:
    """A record that was sent, as it is consumed."""
    return Record(sent.topic, partition, offset, timestamp, sent.key, sent.value, sent.headers)


def own(all_headers: Headers) -> Headers:
    """Without the history that a revived record carries."""
    return tuple(header for header in all_headers if header[0] not in history)


@given(optional, optional, headers, st.text(max_size=60))
def test_a_revived_dead_letter_is_the_record_it_was(
    key: bytes | None, value: bytes | None, pairs: Headers, reason: str
) -> None:
    """Key, value, headers (order, doubles, absent values, names like ours) and partition are what they were."""
    record = Record("linegate.images", 3, 42, 1700000000000, key, value, pairs)
    letter = dead_letter(record, reason, worker="crop-0")
    assert letter.topic == "linegate.images.dlq"
    assert (letter.key, letter.value, letter.headers[: len(pairs)]) == (key, value, pairs)
    back = revive(lies(letter))
    assert (back.topic, back.partition, back.key, back.value) == ("linegate.images", 3, key, value)
    assert own(back.headers) == pairs


@given(st.integers(1, 5), headers)
def test_the_first_attempt_is_remembered_through_every_later_one(rounds: int, pairs: Headers) -> None:
    """However often a record fails, its letter says where it lay first and how often it was tried."""
    record = Record("linegate.images", 3, 42, 1700000000000, b"k", b"v", pairs)
    sizes = set()
    for attempt in range(1, rounds + 1):
        letter = lies(
            dead_letter(record, f"reason {attempt}", worker="crop-0"), partition=1, offset=attempt, timestamp=9
        )
        told = read_letter(letter)
        assert told.first == Origin("linegate.images", 3, 42, 1700000000000)
        assert told.origin == Origin(record.topic, record.partition, record.offset, record.timestamp)
        assert (told.attempt, told.reason, told.worker) == (attempt, f"reason {attempt}", "crop-0")
        assert str(told.place) == f"linegate.images.dlq/1/{attempt}"
        back = revive(letter)
        sizes.add(len(back.headers))
        assert dict(back.headers)["lg_letter"] == f"linegate.images.dlq/1/{attempt}".encode()
        record = lies(back, partition=3, offset=100 + attempt, timestamp=1800000000000 + attempt)
    assert len(sizes) == 1


def test_what_a_sender_writes_into_our_headers_misleads_nobody() -> None:
    """Ours stand behind; a history that is not whole counts as none."""
    forged = (("lg_topic", b"secret"), ("lg_offset", b"1"), ("lg_attempt", b"many"), ("lg_first_topic", b"x"))
    letter = lies(dead_letter(Record("linegate.images", 3, 42, 7, None, None, forged), "why", worker="w"))
    told = read_letter(letter)
    assert told.origin == told.first == Origin("linegate.images", 3, 42, 7)
    assert told.attempt == 1
    assert revive(letter).topic == "linegate.images"


@pytest.mark.parametrize("pairs", [(), (("lg_reason", b"r"),)])
def test_only_dead_letters_are_revived(pairs: Headers) -> None:
    """Anything else is refused, with its place."""
    with pytest.raises(ValueError, match="x/0/9 has no lg_topic header"):
        revive(Record("x", 0, 9, 0, None, None, pairs))


def test_a_letter_that_does_not_say_where_it_came_from_is_refused() -> None:
    """Not guessed."""
    with pytest.raises(ValueError, match="do not say where"):
        revive(Record("x", 0, 9, 0, None, None, (("lg_topic", b"t"), ("lg_partition", b"one"))))
