"""`linegate alerts` on a real Redis."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from deploy.local.redis import RedisServer
from services.alert.cli import watching
from services.alert.cli.stores import Stores
from shared.alerts import life
from shared.alerts.conditions import EachFail
from shared.alerts.errors import AlertClosed, AlreadyAcknowledged, UnknownAlert
from shared.alerts.records import Alert, Group, Trigger
from shared.alerts.subscription import Subscription
from shared.errors import LinegateError
from shared.events import Evidence, now
from shared.registry.place_key import PlaceKey
from shared.settings.sections import RedisSettings

pytestmark = pytest.mark.redis
Run = Callable[..., str]
SUBSCRIPTION = Subscription(id="fails", title="Fails", scope=PlaceKey.parse("munich"), condition=EachFail())
PATIENCE = 30.0


def fails(stores: Stores, part: str, plant: str = "munich", line: str = "line-1") -> Alert:
    """A part failed."""
    seen = Evidence(image=f"photo-{part}", part=part, plant=plant, captured=now(), score=31.7, threshold=24.2)
    group = Group(plant=plant, line=line)
    trigger = Trigger(id=part, group=group, summary=f"part {part} failed", time=now(), evidence=(seen,))
    held = stores.book.trigger(SUBSCRIPTION, trigger)
    assert held is not None
    return held.record


def test_from_firing_to_resolved(alerts: Run, stores: Stores) -> None:
    """Listed, shown, acknowledged and resolved, by an id or its beginning; the second one is told who was first."""
    assert "No alerts." in alerts("list")
    one, other = fails(stores, "p1"), fails(stores, "p2", line="line-2")
    listed = alerts("list")
    assert listed.index("part p2 failed") < listed.index("part p1 failed")
    shown = alerts("show", one.id[:8])
    for told in (one.id, "fails (Fails)", "munich/line-1", "31.7", "24.2", "photo-p1"):
        assert told in shown
    taken = alerts("ack", one.id[:8], "--note", "on [red]my[/red] way", "--author", "kim")
    assert "acknowledged by kim at" in taken
    assert "on [red]my[/red] way" in taken
    with pytest.raises(AlreadyAcknowledged, match="kim acknowledged it at"):
        alerts("ack", one.id, "--author", "sam")
    assert "part p2" not in alerts("list", "--state", "acknowledged")
    assert "part p1" not in alerts("list", "--state", "firing")
    assert "resolved by sam at" in alerts("resolve", one.id[:8], "--author", "sam")
    with pytest.raises(AlertClosed, match="resolved by sam at"):
        alerts("resolve", one.id[:8])
    assert "part p1" not in alerts("list")
    assert "part p1" in alerts("list", "--state", "resolved")
    both = alerts("list", "--state", "any", "--plant", "munich", "--subscription", "fails")
    assert "part p1" in both
    assert "part p2" in both
    assert "No alerts." in alerts("list", "--plant", "puebla")
    assert [change.by for _, change in stores.book.log()][-1] == "sam"
    assert stores.book.alert(other.id).record.state == "firing"


def test_what_is_not_there_is_told(alerts: Run, stores: Stores) -> None:
    """An id that fits none; a note of two lines."""
    for text in ("nothing", "abc", ""):
        with pytest.raises(UnknownAlert, match="there is no alert"):
            alerts("show", text)
    assert "one line" in alerts("ack", fails(stores, "p1").id, "--note", "two\nlines", status=2)
    with pytest.raises(LinegateError, match="there is no silence x"):
        alerts("unsilence", "x")


def test_silences(alerts: Run, stores: Stores) -> None:
    """For so long, or until; of one condition; listed until they are over; ended."""
    made = alerts("silence", "munich/line-1", "--for", "2h", "--note", "service", "--author", "kim")
    assert "munich/line-1/*/*/*" in made
    (held,) = stores.desk.silences().values()
    assert held.record.id.startswith("munich-")
    assert held.record.end - held.record.begin == timedelta(hours=2)
    assert (held.record.by, held.record.note, held.record.conditions) == ("kim", "service", ())
    alerts(
        "silence", "*", "--from", "2027-01-01T00:00Z", "--until", "2027-01-01T08:00+01:00", "--condition", "no_photos",
        "--id", "new-year",
    )  # fmt: skip
    listed = alerts("silences")
    assert re.search(r"new-year .*no_photos coming", listed)
    assert re.search(r"munich-\S+ .*all active", listed)
    alerts("silence", "munich", "--from", "2020-01-01T00:00Z", "--until", "2020-01-02T00:00Z", "--id", "past")
    assert "past" not in alerts("silences")
    assert "past" in alerts("silences", "--over")
    with pytest.raises(LinegateError, match="there is a silence new-year already"):
        alerts("silence", "munich", "--for", "1h", "--id", "new-year")
    assert "is ended" in alerts("unsilence", "new-year")
    assert "new-year" not in alerts("silences", "--over")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("munich",), "say how long"),
        (("munich", "--for", "1h", "--until", "2027-01-01T00:00Z"), "say how long"),
        (("Munich", "--for", "1h"), "is no key"),
        (("munich", "--for", "soon"), "'soon' is no duration"),
        (("munich", "--for", "0"), "a silence ends after it begins"),
        (("munich", "--for", "999999999d"), "a year at most"),
        (("munich", "--until", "tomorrow"), "'tomorrow' is no time"),
        (("munich", "--for", "1h", "--condition", "rain"), "conditions[0]: 'rain' is none of each_fail"),
        (("munich", "--for", "1h", "--id", "A B"), "id: a name has lower-case letters"),
    ],
)
def test_a_wrong_silence_is_status_two(alerts: Run, stores: Stores, arguments: tuple[str, ...], told: str) -> None:
    """With the reason; and nothing is made."""
    assert told in alerts("silence", *arguments, status=2)
    assert stores.desk.silences() == {}


def test_watching_line_by_line(settings: RedisSettings, stores: Stores) -> None:
    """A process tells each step as it comes, without what a terminal would obey; Ctrl-C ends it with status 0."""
    program = "from services.alert.cli.alerts import app; app()"
    environment = os.environ | {"REDIS_URL": settings.url.get_secret_value(), "PYTHONUNBUFFERED": "1"}
    # In the background a shell has SIGINT ignored, which programs inherit; one that is handled comes to them as usual.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-c", program, "watch", "--plant", "munich"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        read: list[str] = []

        def follow() -> None:
            read.extend(iter(process.stdout.readline, ""))  # type: ignore[union-attr]  # asserted above

        following = threading.Thread(target=follow)
        following.start()
        first, deadline = 0, time.monotonic() + PATIENCE
        while not read:
            assert time.monotonic() < deadline
            first += 1
            fails(stores, f"first-{first}", line=f"first-{first}")
            time.sleep(0.2)
        abroad, home = fails(stores, "p1", plant="puebla"), fails(stores, "p2")
        step = life.acknowledge("kim", "[red]\x1b[31mmine")
        stores.book.take(home.id, step, SUBSCRIPTION, by="kim", note="[red]\x1b[31mmine")
        while not any("acknowledged" in line for line in read):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        following.join()
    text = "".join(read)
    assert abroad.id[:8] not in text
    assert "\x1b" not in text
    told = next(line for line in read if "acknowledged" in line)
    assert "munich/line-1: part p2 failed [1] by kim: [red]\N{REPLACEMENT CHARACTER}[31mmine" in told


def test_watching_as_a_table(alerts: Run, stores: Stores) -> None:
    """The open ones."""
    fails(stores, "p1")
    fails(stores, "p2", plant="puebla")
    said = alerts("watch", "--table", "--plant", "munich", "--for", "0")
    assert "part p1 failed" in said
    assert "part p2" not in said


def test_watching_while_redis_is_away(
    alerts: Run, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is said, and the watch goes on."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        server.kill()
        for how in ("--lines", "--table"):
            assert "cannot see alerts now" in alerts("watch", how, "--for", "0.2s")
        server.start()
        assert "No alerts." in alerts("watch", "--table", "--for", "0.2s")
