"""`linegate submit` and `linegate replay` against real Kafka, with a small pipeline that answers."""

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from deploy.local.process import free_port
from services.cli import replay, submit
from services.feedback.cli import feedback
from services.keys.edit import add_key
from services.keys.record import new_record
from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import Feedback, Verdict

pytestmark = pytest.mark.kafka
PLACE = ["--plant", "munich", "--line", "line-1"]


@pytest.fixture
def linegate(bus: BusSettings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command line; an expected error is raised, as the root command would get it."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bus.bootstrap_servers)
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(submit)
    app.command()(replay)
    app.command()(feedback)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Any:
    """Write a small photo under a name."""

    def write(name: str) -> Path:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.new("RGB", (32, 24), (200, 200, 200)).save(buffer, "PNG")
        path.write_bytes(buffer.getvalue())
        return path

    return write


@pytest.fixture
def token(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's key, as `linegate up` tells its user."""
    monkeypatch.setenv("LINEGATE_TOKEN_FILE", str(gateway.access.token_file))


@pytest.mark.usefixtures("pipeline", "token")
@pytest.mark.parametrize("via", ["kafka", "http"])
@pytest.mark.parametrize("part", ["good-1", "bad-1"])
def test_submit_shows_the_verdict(linegate: Any, photo: Any, gateway: Any, via: str, part: str) -> None:
    """The panel says pass or fail with score, threshold and model, whichever way the photo went."""
    result = linegate(
        "submit", str(photo(f"{part}.png")), *PLACE, "--via", via, "--gateway", gateway.url, "--wait", "30"
    )
    assert result.exit_code == 0
    word, check = ("PASS", "1 < 2") if part == "good-1" else ("FAIL", "3 ≥ 2")
    for expected in (word, part, "damage", check, "v1 (padim), champion", "munich/line-1/any/any/stationary"):
        assert expected in result.stdout


@pytest.mark.usefixtures("pipeline", "token")
@pytest.mark.parametrize("via", ["kafka", "http"])
def test_submit_tells_why_there_is_no_verdict(linegate: Any, photo: Any, gateway: Any, via: str) -> None:
    """A dead letter's reason and a silence within the wait are each one clear error."""
    options = [*PLACE, "--via", via, "--gateway", gateway.url]
    with pytest.raises(LinegateError, match="the picture is damaged"):
        linegate("submit", str(photo("dead-1.png")), *options, "--wait", "30")
    with pytest.raises(LinegateError, match="no verdict within"):
        linegate("submit", str(photo("silent-1.png")), *options, "--wait", "0.2")


def test_submit_tells_mistakes_before_sending(linegate: Any, photo: Any, pipeline: Any, tmp_path: Path) -> None:
    """A wrong place, a wrong part and a file that is no picture never reach Kafka."""
    seen = len(pipeline.seen)
    with pytest.raises(LinegateError, match="--plant 'Munich'"):
        linegate("submit", str(photo("a.png")), "--plant", "Munich", "--line", "line-1")
    with pytest.raises(LinegateError, match="part 'a b'"):
        linegate("submit", str(photo("a.png")), *PLACE, "--part", "a b")
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(LinegateError, match="not a picture"):
        linegate("submit", str(tmp_path / "notes.txt"), *PLACE)
    assert len(pipeline.seen) == seen


@pytest.mark.usefixtures("pipeline")
def test_submit_tells_what_its_token_may_not(
    linegate: Any, photo: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token, a camera's, a reader's: each is one clear line that says what is lacking."""
    arguments = ("submit", str(photo("good-1.png")), *PLACE, "--via", "http", "--gateway", gateway.url)
    with pytest.raises(LinegateError, match="No token was sent") as caught:
        linegate(*arguments)
    assert "LINEGATE_TOKEN" in str(caught.value.hint)
    for role, told in (("operator", "photos:submit"), ("camera", "may not read verdicts")):
        key, record = new_record(roles=[role], plants=["munich"], expires=None, note="")
        add_key(gateway.access.keys_file, record)
        monkeypatch.setenv("LINEGATE_TOKEN", key)
        with pytest.raises(LinegateError, match=told):
            linegate(*arguments)


@pytest.mark.usefixtures("pipeline")
def test_feedback_reaches_kafka_with_its_verdict(
    linegate: Any, gateway: Any, bus: BusSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an operator of the plant; a camera and an operator of another plant are told what they lack."""
    image = f"photo-{uuid.uuid4().hex}"
    photo = io.BytesIO()
    Image.new("RGB", (32, 24)).save(photo, "PNG")
    where = {"part": "bad-9", "plant": "munich", "line": "line-1", "station": "st-4", "id": image}
    gateway.http.post("/v1/images", params=where, content=photo.getvalue(), headers={"Content-Type": "image/png"})
    assert gateway.http.get(f"/v1/verdicts/{image}?wait=30").json()["decision"] == "fail"
    word = ("feedback", image, "false_alarm", "--gateway", gateway.url, "--note", "film")

    def come_as(role: str, plant: str) -> str:
        key, record = new_record(roles=[role], plants=[plant], expires=None, note="")
        add_key(gateway.access.keys_file, record)
        monkeypatch.setenv("LINEGATE_TOKEN", key)
        return f"key:{record.id}"

    with EventReader(bus, (Feedback,)) as reader:
        for role, plant, told in (("camera", "munich", "feedback:give"), ("operator", "puebla", "No verdict is known")):
            come_as(role, plant)
            with pytest.raises(LinegateError, match=told):
                linegate(*word)
        subject = come_as("operator", "munich")
        said = [linegate(*word), linegate(*word)]
        with pytest.raises(LinegateError, match="about a part that passed, and this one failed"):
            linegate("feedback", image, "missed_damage", "--gateway", gateway.url)
        with pytest.raises(LinegateError, match="go together"):
            linegate("feedback", image, "missed_damage", "--gateway", gateway.url, "--plant", "munich")
        (event,) = [event for _, event in reader.read_to_end(patience=60) if isinstance(event, Feedback)]
    assert all(event.id in result.stdout and "bad-9" in result.stdout for result in said)
    assert (event.image, event.by, event.note, event.station) == (image, subject, "film", "st-4")
    assert event.judged is not None
    assert event.judged.model is not None
    assert (event.judged.decision, event.judged.model.score, event.judged.model.threshold) == ("fail", 3.0, 2.0)


def test_submit_tells_that_no_gateway_answers(linegate: Any, photo: Any) -> None:
    """A gateway that is not there is named with its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(LinegateError, match=url):
        linegate("submit", str(photo("a.png")), *PLACE, "--via", "http", "--gateway", url)


@pytest.mark.usefixtures("pipeline")
def test_replay_keeps_a_complete_account(linegate: Any, photo: Any, tmp_path: Path) -> None:
    """Every photo has one answer: status 0, the numbers, the AUROC, and one report line each."""
    for index in range(6):
        photo(f"good/good-{index}.png")
        photo(f"crack/bad-{index}.png")
    photo("other/dead-1.png")
    report = tmp_path / "answers" / "report.jsonl"
    globs = ["--good", "good/*", "--bad", "crack/*"]
    result = linegate("replay", str(tmp_path / "photos"), *PLACE, "--rate", "200", *globs, "--report", str(report))
    assert result.exit_code == 0, result.stdout
    numbers = {row.split("│")[1].strip(): row.split("│")[2].strip() for row in result.stdout.splitlines() if "│" in row}
    expected = {"photos": "13", "verdicts": "12", "missing": "0", "duplicates": "0", "dead letters": "1", "pass": "6"}
    assert {name: numbers[name] for name in expected} == expected
    assert numbers["AUROC v1"] == "1.000  (6 good, 6 bad)"
    assert "the picture is damaged" in result.stdout
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert len(rows) == 13
    assert [row["answer"] for row in rows].count("verdict") == 12
    judged = next(row for row in rows if row["part"] == "crack/bad-0")
    assert (judged["label"], Verdict.model_validate(judged["verdict"]).decision) == ("bad", "fail")
    assert judged["seconds"] > 0


def test_replay_follows_a_manifest(linegate: Any, photo: Any, pipeline: Any, tmp_path: Path) -> None:
    """Part, layout and camera come from the manifest."""
    photo("images/0.png")
    line = {"image": "images/0.png", "part": "good-from-manifest", "layout": "cn", "camera": "mobile", "label": "good"}
    (tmp_path / "photos/manifest.jsonl").write_text(json.dumps(line) + "\n")
    assert linegate("replay", str(tmp_path / "photos"), *PLACE).exit_code == 0
    (sent,) = [event for event in pipeline.seen if event.part == "good-from-manifest"]
    assert (sent.layout, sent.camera, sent.plant) == ("cn", "mobile", "munich")


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize(("name", "fault"), [("twice-1", "duplicates"), ("silent-1", "missing")])
def test_replay_fails_on_a_wrong_account(linegate: Any, photo: Any, name: str, fault: str) -> None:
    """One verdict too many or too few is status 1 and stands in the account."""
    folder = photo(f"{name}.png").parent
    result = linegate("replay", str(folder), *PLACE, "--patience", "2")
    assert result.exit_code == 1
    row = next(row for row in result.stdout.splitlines() if f"│ {fault} " in row)
    assert row.split("│")[2].strip() == "1"


def test_without_kafka_commands_end_with_one_error(linegate: Any, photo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absent Kafka is named, not waited for without end."""
    monkeypatch.setattr("services.replay.command.KAFKA_SECONDS", 0.5)
    servers = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(LinegateError, match=servers):
        linegate("replay", str(photo("a.png").parent), *PLACE)
