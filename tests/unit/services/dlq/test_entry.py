"""Dead letters as people look at them: what is shown, what is chosen, what is counted together."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dlq.entry import Entry, Wanted, as_json, entry_of, group, parse_id
from services.dlq.work import since
from shared.bus.dead_letter import dead_letter
from shared.bus.record import Headers, Record
from shared.errors import LinegateError
from shared.events import DeadLetterSettled

AT = 1_700_000_000_000


def letter(
    number: int = 0, *, reason: str = "truncated JPEG", line: str = "line-1", headers: Headers = (), value: bytes = b"x"
) -> Record:
    """A dead letter as it is consumed, `number` seconds after the first."""
    own = headers or (("ce_id", b"%d" % number), ("ce_plant", b"munich"), ("ce_line", line.encode()))
    sent = dead_letter(Record("linegate.images", 1, number, 5, b"k", value, own), reason, worker="crop-0")
    return Record(sent.topic, 0, number, AT + 1000 * number, sent.key, sent.value, sent.headers)


def entry(
    number: int = 0, *, settled: DeadLetterSettled | None = None, reason: str = "r", line: str = "line-1"
) -> Entry:
    """Its entry."""
    return entry_of(letter(number, reason=reason, line=line), settled)


def test_an_entry_tells_reason_origin_and_address() -> None:
    """As `--json` gives them."""
    told = as_json(entry_of(letter(7, reason="a bomb"), None))
    assert told["id"] == "linegate.images.dlq/0/7"
    assert (told["state"], told["reason"], told["origin"], told["first"]) == (
        "open", "a bomb", "linegate.images/1/7", "linegate.images/1/7",
    )  # fmt: skip
    assert told["event"] == {"id": "7", "plant": "munich", "line": "line-1"}
    assert told["since"] == "2023-11-14T22:13:27+00:00"
    json.dumps(told)


def test_the_address_of_a_json_event_is_in_its_value() -> None:
    """A verdict that an alert worker could not take, for instance; and what is no JSON is no error."""
    headers = (("content-type", b"application/json"), ("ce_id", b"v"))
    good = entry_of(letter(headers=headers, value=b'{"plant": "leipzig", "line": "l", "image": 3}'), None)
    assert good.fields == {"id": "v", "plant": "leipzig", "line": "l", "image": "3"}
    assert good.where == "leipzig/l"
    for value in (b"{", b"[1]", b"\xff"):
        assert entry_of(letter(headers=headers, value=value), None).where == "?/?"


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["line-1", "line-2"])), max_size=30))
def test_groups_count_every_letter_once_and_the_most_frequent_come_first(kinds: list[tuple[str, str]]) -> None:
    """What people want to see: 412 x truncated JPEG from munich/line-1."""
    entries = [entry(n, reason=reason, line=line) for n, (reason, line) in enumerate(kinds)]
    groups = group(entries)
    assert {(g.reason, g.where): g.count for g in groups} == {
        (reason, f"munich/{line}"): kinds.count((reason, line)) for reason, line in kinds
    }
    assert [g.count for g in groups] == sorted((g.count for g in groups), reverse=True)
    for one in groups:
        alike = [e for e in entries if (e.letter.reason, e.where) == (one.reason, one.where)]
        assert (one.first, one.last, one.example) == (alike[0].since, alike[-1].since, alike[-1].id)


def test_what_is_wanted() -> None:
    """Each filter by itself; a settled letter is not open any more."""
    done = DeadLetterSettled(
        letter="linegate.images.dlq/0/0", origin="linegate.images/1/0", action="dropped", by="ada", note="blurred"
    )
    assert Wanted()(entry())
    assert not Wanted()(entry(settled=done))
    assert Wanted(state="dropped")(entry(settled=done))
    assert Wanted(state="all")(entry(settled=done))
    assert Wanted(reason="TRUNC")(entry(reason="a truncated JPEG"))
    assert not Wanted(reason="bomb")(entry())
    assert Wanted(topic="linegate.images")(entry())
    assert Wanted(topic="linegate.images.dlq")(entry())
    assert not Wanted(topic="linegate.crops")(entry())
    assert Wanted(plant="munich", line="line-1")(entry())
    assert not Wanted(plant="leipzig")(entry())
    assert not Wanted(line="line-2")(entry())


@pytest.mark.parametrize(
    "text", ["", "linegate.images/0/1", "linegate.images.dlq/0", "linegate.images.dlq/-1/2", "a.dlq/0/1/2"]
)
def test_what_is_no_letter(text: str) -> None:
    """Told with the right form."""
    with pytest.raises(LinegateError, match=r"is no dead letter: <topic>\.dlq/<partition>/<offset>"):
        parse_id(text)


def test_times_are_ages_or_iso() -> None:
    """Never a time without an offset."""
    assert since(None) is None
    early = datetime.now(UTC) - timedelta(minutes=90)
    assert early <= (since("90m") or early - timedelta(1)) <= datetime.now(UTC) - timedelta(minutes=90)
    assert since("2026-11-24T06:00:00+01:00") == datetime(2026, 11, 24, 5, tzinfo=UTC)
    for wrong in ("", "m", "soon", "99999999999d", "2026-11-24T06:00:00"):
        with pytest.raises(LinegateError):
            since(wrong)
