"""A replay sends by the clock, counts every answer, and ends. The pipeline is a function here."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from rich.console import Console

from services.replay.photos import Photo
from services.replay.run import Run
from services.replay.view import live_view, summary_view
from shared.events import Check, PartImage, Place, Timings, Verdict

PLACE = Place(plant="munich", line="line-1", layout="us")
PNG = b"\x89PNG\r\n\x1a\n"


class Line:
    """A gate in memory: acknowledges each photo and lets `answer` say what comes back."""

    def __init__(self, answer: Callable[["Line", PartImage], None] | None = None) -> None:
        self.run: Run
        self.events: list[PartImage] = []
        self.fails: Exception | None = None
        self._answer = answer

    def publish(self, event: PartImage) -> Future[Any]:
        """Take a photo."""
        self.events.append(event)
        future: Future[Any] = Future()
        if self.fails is not None:
            future.set_exception(self.fails)
        else:
            future.set_result(None)
            if self._answer is not None:
                self._answer(self, event)
        return future


def judge(line: Line, event: PartImage) -> None:
    """Answer with a passing verdict."""
    check = Check(name="damage", result="pass", score=0.5, threshold=1.0)
    line.run.on_verdict(
        Verdict(
            **event.model_dump(include={"part", "plant", "line", "station", "layout", "camera", "captured"}),
            image=event.id,
            decision="pass",
            checks=(check,),
            timings=Timings(),
        )
    )


def photos(folder: Path, count: int) -> list[Photo]:
    """`count` photo files."""
    found = []
    for index in range(count):
        path = folder / f"{index}.png"
        path.write_bytes(PNG)
        found.append(Photo(path, f"part-{index}", label="good"))
    return found


def replay(line: Line, found: list[Photo], *, rate: float = 1e6, patience: float = 0.0) -> Run:
    """Run to the end."""
    line.run = Run(found, PLACE, line)
    stop = threading.Event()
    line.run.send(rate=rate, stop=stop)
    line.run.wait(patience=patience, stop=stop, settle=0)
    return line.run


def test_every_photo_is_sent_and_counted(tmp_path: Path) -> None:
    """Parts, address and bytes go out as they are; the account is complete."""
    line = Line(judge)
    run = replay(line, photos(tmp_path, 5), patience=60)
    assert run.summary().complete
    assert [event.part for event in line.events] == [f"part-{index}" for index in range(5)]
    assert {(event.place, event.pixels) for event in line.events} == {(PLACE, PNG)}
    assert len({event.id for event in line.events}) == 5
    assert [row["answer"] for row in run.rows()] == ["verdict"] * 5


def test_a_photo_that_knows_better_overrides_the_place(tmp_path: Path) -> None:
    """Layout and camera of a manifest win over the command line."""
    (photo,) = photos(tmp_path, 1)
    line = Line(judge)
    replay(line, [Photo(photo.path, "p", layout="cn", camera="mobile")], patience=60)
    assert (line.events[0].layout, line.events[0].camera, line.events[0].plant) == ("cn", "mobile", "munich")


def test_silence_ends_the_wait(tmp_path: Path) -> None:
    """A gate that never answers is reported as missing verdicts, not waited for without end."""
    run = replay(Line(), photos(tmp_path, 3))
    assert (run.summary().missing, run.summary().complete) == (3, False)
    assert [row["answer"] for row in run.rows()] == ["missing"] * 3


def test_dead_letters_are_answers(tmp_path: Path) -> None:
    """A photo set aside is not waited for, and its row carries the reason."""

    def set_aside(line: Line, event: PartImage) -> None:
        line.run.on_dead_letter(event.id, "broken")

    run = replay(Line(set_aside), photos(tmp_path, 2), patience=60)
    assert (run.summary().dead_letters, run.summary().missing) == (2, 0)
    assert {(row["answer"], row["reason"]) for row in run.rows()} == {("dead letter", "broken")}


def test_what_kafka_refuses_is_told(tmp_path: Path) -> None:
    """A refusal is counted with its reason and not waited for."""
    line = Line()
    line.fails = RuntimeError("away")
    run = replay(line, photos(tmp_path, 2), patience=60)
    assert (run.summary().refused, run.summary().missing, run.summary().complete) == (2, 0, False)
    assert run.rows()[0]["reason"] == "away"


def test_photos_go_out_by_a_steady_clock(tmp_path: Path) -> None:
    """The n-th photo is due at n / rate from the start: lateness of one does not push the next ones back."""
    now = 100.0
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            assert timeout is not None
            pauses.append(round(timeout, 6))
            now += timeout
            return False

    def slow_second(_line: Line, event: PartImage) -> None:
        nonlocal now
        now += 0.7 if event.part == "part-1" else 0.0

    line = Line(slow_second)
    line.run = Run(photos(tmp_path, 5), PLACE, line, clock=lambda: now)
    line.run.send(rate=2.0, stop=Stop())
    assert pauses == [0.0, 0.5, 0.0, 0.3, 0.5]


def test_stop_ends_the_sending(tmp_path: Path) -> None:
    """Ctrl-C between two photos sends no further one."""
    line = Line()
    line.run = Run(photos(tmp_path, 3), PLACE, line)
    stop = threading.Event()
    stop.set()
    line.run.send(rate=1, stop=stop)
    assert line.events == []


def test_an_unreadable_photo_does_not_stop_the_others(tmp_path: Path) -> None:
    """A file that vanished or is empty is told by name and spoils the account; the next photo still goes out."""
    (tmp_path / "empty.png").touch()
    (last,) = photos(tmp_path, 1)
    found = [Photo(tmp_path / "gone.png", "a"), Photo(tmp_path / "empty.png", "b"), last]
    run = replay(Line(judge), found, patience=60)
    assert (run.summary().refused, run.summary().verdicts, run.summary().complete) == (2, 1, False)
    assert [row["answer"] for row in run.rows()] == ["refused", "refused", "verdict"]
    assert "gone.png" in run.rows()[0]["reason"]
    assert "empty.png" in run.rows()[1]["reason"]


def test_the_views_show_what_happened(tmp_path: Path) -> None:
    """The live table names parts and verdicts; the account names missing verdicts, models and reasons."""
    run = replay(Line(judge), photos(tmp_path, 2), patience=60)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(live_view(2, run.summary(), run.recent()))
    console.print(summary_view(run.summary(), ["p-9: broken"]))
    text = console.export_text()
    for word in (
        "part-1",
        "PASS",
        "0.5 < 1",
        "munich/line-1/any/us/stationary",
        "2 of 2 sent",
        "p-9: broken",
        "missing",
    ):
        assert word in text
