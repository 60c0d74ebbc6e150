"""What answers mean: of web servers and of mail servers; and when a silent server is told of."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.away import Away
from services.notify.mail import Progress, settled
from services.notify.outcome import Again, Delivered, Failed, Gone
from services.notify.webhook import outcome_of
from tests.unit.faults import Told

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
TO = ("a@x", "b@x", "c@x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered), (204, Delivered), (299, Delivered), (301, Again), (302, Again), (304, Again), (307, Again),
        (400, Again), (401, Again), (404, Again), (410, Gone), (429, Again), (500, Again), (503, Again), (799, Again),
    ],
)  # fmt: skip
def test_what_an_http_answer_means(status: int, kind: type) -> None:
    """Only 2xx is a delivery, only 410 is the end."""
    outcome = outcome_of(status, None, AT)
    assert type(outcome) is kind
    assert str(status) in getattr(outcome, "status", "")


@pytest.mark.parametrize("status", [429, 503, 500])
def test_retry_after_is_taken_over(status: int) -> None:
    """In seconds."""
    assert outcome_of(status, "17", AT) == Again(outcome_of(status, None, AT).status, retry_after_s=17)  # type: ignore[union-attr]


def test_what_replies_to_recipients_mean() -> None:
    """All, some, none; for now, for good."""
    nothing = Progress()
    assert settled(TO, {}, nothing) == Delivered("taken for 3 recipients")
    assert settled(TO, {"b@x": (550, b"no\nsuch")}, nothing) == Delivered(
        "taken for 2 recipients", refused=("b@x: 550 no such",)
    )
    assert settled(TO, dict.fromkeys(TO, (550, b"no")), nothing) == Failed("a@x: 550 no; b@x: 550 no; c@x: 550 no")
    again = settled(TO, {"a@x": (450, b"busy"), "b@x": (550, b"no")}, nothing)
    assert isinstance(again, Again)
    assert again.refused == ("b@x: 550 no",)
    progress = Progress.read(again.progress)
    assert progress == Progress(("b@x", "c@x"), 1)
    assert settled(("a@x",), {"a@x": (550, b"no")}, progress) == Delivered(
        "taken for 1 recipient", refused=("a@x: 550 no",)
    )
    assert Progress.read("") == nothing


@given(st.lists(st.dictionaries(st.sampled_from(TO), st.sampled_from([450, 550])), max_size=6))
def test_nobody_gets_a_mail_twice(replies: list[dict[str, int]]) -> None:
    """Whatever the server says in which order: who took it, or never will, is not asked again."""
    asked: dict[str, list[int]] = {one: [] for one in TO}
    progress = Progress()
    for reply in replies:
        to = tuple(one for one in TO if one not in progress.settled)
        refused = {one: (code, b"no") for one, code in reply.items() if one in to}
        for one in to:
            asked[one].append(refused[one][0] if one in refused else 250)
        outcome = settled(to, refused, progress)
        if not isinstance(outcome, Again):
            break
        progress = Progress.read(outcome.progress)
    for codes in asked.values():
        assert all(code == 450 for code in codes[:-1])


def test_a_server_that_fails_for_long_is_told_once_it_is_long() -> None:
    """One failure is not; the first success ends it."""
    faults, seconds = Told(), 0.0
    away = Away(faults, "mail server x:25", hint="look", after_s=60, clock=lambda: seconds)
    away.failed("no")
    seconds = 59
    away.failed("no")
    assert faults.open == []
    away.worked()
    seconds = 100
    away.failed("no")
    assert faults.open == []
    seconds = 161
    away.failed("timed out")
    (report,) = faults.open
    assert (report.kind, report.subject) == ("receiver_away", "mail server x:25")
    assert "timed out" in report.detail
    away.worked()
    assert faults.changes == [("raised", "receiver_away"), ("cleared", "receiver_away")]
