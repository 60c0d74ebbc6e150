"""A replay against real Kafka, with a live table and an account at its end."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live

from services.answers import AnswerFeed
from services.replay.photos import Photo
from services.replay.run import Run
from services.replay.view import live_view, summary_view
from shared.bus.publisher import EventPublisher
from shared.bus.settings import BusSettings
from shared.errors import LinegateError
from shared.events import Place

KAFKA_SECONDS: Final = 15.0
REASONS_SHOWN: Final = 10


def replay_photos(
    photos: Sequence[Photo], place: Place, bus: BusSettings, *, rate: float, patience: float, report: Path | None
) -> int:
    """Send `photos` and wait for every answer; answers the exit status, 0 for a complete account.

    Ctrl-C ends it early, with the account so far and status 1.

    Raises:
        LinegateError: Kafka is away at the start, answers cannot be read any more, or a photo or the report fails.
    """
    stop = threading.Event()
    with EventPublisher(bus) as publisher:
        run = Run(photos, place, publisher)
        feed = AnswerFeed(
            bus,
            on_verdict=run.on_verdict,
            on_dead_letter=lambda letter: run.on_dead_letter(letter.image, letter.reason),
        )
        console = Console()
        with feed:
            feed.wait_current(KAFKA_SECONDS)
            console.print(f"{len(photos)} photos at {rate:g} a second to {bus.bootstrap_servers}", highlight=False)
            interrupted = _run(run, len(photos), console, rate=rate, patience=patience, stop=stop)
            if not feed.running:
                raise LinegateError("answers can no longer be read from Kafka", hint="the log above tells why")
    return _account(run, console, report=report, interrupted=interrupted)


def _run(run: Run, total: int, console: Console, *, rate: float, patience: float, stop: threading.Event) -> bool:
    """Send and wait; answers whether Ctrl-C cut it short."""
    live = Live(
        get_renderable=lambda: live_view(total, run.summary(), run.recent()),
        console=console,
        refresh_per_second=5,
        transient=True,
    )
    with live:
        try:
            run.send(rate=rate, stop=stop)
            run.wait(patience=patience, stop=stop)
        except KeyboardInterrupt:
            return True
    return False


def _account(run: Run, console: Console, *, report: Path | None, interrupted: bool) -> int:
    rows, summary = run.rows(), run.summary()
    reasons = [f"{row['part']}: {row['answer']}{_because(row['reason'])}" for row in rows if row["answer"] != "verdict"]
    more = [f"and {len(reasons) - REASONS_SHOWN} more"] if len(reasons) > REASONS_SHOWN else []
    console.print(summary_view(summary, [*reasons[:REASONS_SHOWN], *more]))
    if report is not None:
        try:
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        except OSError as error:
            raise LinegateError(f"cannot write {report}: {error.strerror}") from None
        console.print(f"report: {report}", highlight=False)
    if interrupted:
        console.print("stopped early; what was under way is counted as missing")
    return 0 if summary.complete and not interrupted else 1


def _because(reason: str | None) -> str:
    return "" if reason is None else f", {reason}"
