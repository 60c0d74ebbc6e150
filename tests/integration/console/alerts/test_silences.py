"""The silences page."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.alerts.records import Silence
from shared.auth import Role
from shared.events import now
from shared.registry.place_key import PlaceKey
from tests.integration.console.alerts.console import Console, Page

pytestmark = pytest.mark.redis
BERLIN = ZoneInfo("Europe/Berlin")


def typed(moment: datetime) -> str:
    """As the browser sends it, by the clock of Munich."""
    return f"{moment.astimezone(BERLIN):%Y-%m-%dT%H:%M}"


def test_a_silence_by_the_clock_of_the_plant(console: Console) -> None:
    """It is made, seen, and ended early."""
    kim = console.visitor()
    assert "Europe/Berlin" in kim.get("/alerts/silences/new").text
    end = now() + timedelta(hours=3)
    sent = {
        "plant": "munich",
        "line": "line-2",
        "begin": "",
        "end": typed(end),
        "conditions": ["no_photos"],
        "note": "lens <b>cleaned</b>",
    }
    answer = kim.post("/alerts/silences", sent)
    assert answer.headers["HX-Push-Url"] == "/alerts/silences"
    assert "lens &lt;b&gt;" in answer.text
    (held,) = console.desk.silences().values()
    assert (str(held.record.scope), held.record.by) == ("munich/line-2/*/*/*", kim.subject)
    assert held.record.end == end.replace(second=0, microsecond=0)
    page = kim.get("/alerts/silences")
    assert [row["data-stage"] for row in page.all("silence-row")] == ["active"]
    path = f"/alerts/silences/{held.record.id}/end"
    assert kim.post(path, {"revision": held.revision + 1}).status_code == 409
    assert kim.post(path, {"revision": held.revision}).status_code == 200
    assert console.desk.silences() == {}


def test_times_that_cannot_be_are_told(console: Console) -> None:
    """Beside their fields; what was typed stays."""
    kim = console.visitor()
    past = typed(now() - timedelta(hours=1))
    page = Page(kim.post("/alerts/silences", {"plant": "munich", "begin": "soon", "end": past, "note": "why"}))
    marked = {element["name"] for element in page.elements if element.get("aria-invalid") == "true"}
    assert marked == {"begin"}
    page = Page(kim.post("/alerts/silences", {"plant": "munich", "line": "No!", "begin": "", "end": past}))
    marked = {element["name"] for element in page.elements if element.get("aria-invalid") == "true"}
    assert marked == {"line", "end"}
    assert page.value("field-end") == past
    assert console.desk.silences() == {}


def test_whose_silences_are_seen_and_ended(console: Console) -> None:
    """What silences every plant is seen by all, and ended by those who may at every plant."""
    at = now()
    for name, scope in (("all", "*"), ("here", "munich"), ("there", "austin")):
        end = at + timedelta(hours=1)
        made = Silence(id=name, scope=PlaceKey.parse(scope), begin=at, end=end, by="key:lee")
        console.desk.put_silence(made)
    kim, max_ = console.visitor(), console.visitor(Role.OPERATOR)
    page = kim.get("/alerts/silences")
    assert {row["data-silence"] for row in page.all("silence-row")} == {"all", "here"}
    assert len(page.all("silence-end")) == 1
    assert not max_.get("/alerts/silences").all("silence-end")
    revisions = {name: held.revision for name, held in console.desk.silences().items()}
    assert kim.post("/alerts/silences/all/end", {"revision": revisions["all"]}).status_code == 403
    assert kim.post("/alerts/silences/there/end", {"revision": revisions["there"]}).status_code == 404
    assert max_.post("/alerts/silences/here/end", {"revision": revisions["here"]}).status_code == 403
    end = typed(at + timedelta(hours=1))
    assert kim.post("/alerts/silences", {"plant": "", "begin": "", "end": end}).status_code == 403
    assert max_.post("/alerts/silences", {"plant": "munich", "begin": "", "end": end}).status_code == 403
    assert len(console.desk.silences()) == 3
    boss = console.visitor(Role.SUPERVISOR, "*")
    assert boss.post("/alerts/silences/all/end", {"revision": revisions["all"]}).status_code == 200
