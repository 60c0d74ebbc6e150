"""The demo, in order: servers, models, workers, photos, verdicts, account."""

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.demo.collect import Collected, Collector
from deploy.demo.keep import stay, subscribe, where_to_look
from deploy.demo.picture import draw
from deploy.demo.plan import PLANTS
from deploy.demo.prepare import prepare
from deploy.demo.screen import live_view, summary_view
from deploy.demo.send import LivePhoto, live_photos, send
from deploy.demo.setting import demo_settings, gateway_client
from deploy.demo.summary import is_complete, summarise
from deploy.local.stack import LocalStack
from deploy.local.workers import LINE_WORKERS, PEOPLE_WORKERS, LocalWorkers
from services.tally import Tally, damage_score
from shared.events import Verdict

PATIENCE_SECONDS: Final = 90.0
"""How long to wait for outstanding verdicts after the last photo."""
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells count it."""


def run_demo(folder: Path, rate: float, *, keep: bool) -> int:
    """Run it; answers 0 only if every photo got exactly one verdict.

    Args:
        folder: emptied first.
        rate: photos per second.
        keep: start also what people need to see and to be told, and stay until Ctrl-C.

    Raises:
        LinegateError, ServerFailedError: something did not start or a command failed.
    """
    console = Console()
    # A supervisor's SIGTERM must unwind the `with` blocks just as Ctrl-C does, also in the background of a script,
    # where shells have SIGINT ignored.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(folder.resolve(), rate, console, keep=keep)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return INTERRUPTED


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(folder: Path, rate: float, console: Console, *, keep: bool) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with console.status("starting Apache Kafka and Redis"):
        stack = LocalStack(folder / "servers")
        stack.__enter__()
    with _left(stack):
        console.print(f"{stack.broker_version} and Redis {stack.redis_version} are up")
        settings = demo_settings(stack, folder)
        _prepare(folder, settings, console)
        names = (*LINE_WORKERS, *(PEOPLE_WORKERS if keep else ("console",)))
        if keep:
            subscribe(stack.redis_settings)
        with console.status(f"starting {', '.join(names)}"):
            workers = LocalWorkers(
                folder / "logs", settings=settings, bootstrap_servers=stack.bootstrap_servers, names=names
            )
            workers.__enter__()
        with _left(workers):
            console.print(f"worker processes are up: {', '.join(names)}")
            console.print(where_to_look(settings), highlight=False, soft_wrap=True)
            summary = _stream(
                folder, rate, stack=stack, workers=workers, gateway=gateway_client(settings), console=console
            )
            _account(folder, summary, console)
            if keep:
                stay(folder, settings, workers, console)
    if not keep:
        console.print("`make demo KEEP=1` keeps all this running for you to look at, with alerts and history")
    return 0 if is_complete(summary) else 1


def _account(folder: Path, summary: dict[str, Any], console: Console) -> None:
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    console.print(summary_view(summary))
    for plant in PLANTS:
        console.print(f"report: {folder / plant.name / 'model' / 'report.html'}", highlight=False, soft_wrap=True)
    console.print(f"pictures: {folder / 'pictures'}   summary: {folder / 'summary.json'}", soft_wrap=True)


@contextmanager
def _left(entered: LocalStack | LocalWorkers) -> Iterator[None]:
    """Leave what was entered under a spinner."""
    try:
        yield
    finally:
        entered.__exit__(*sys.exc_info())


def _prepare(folder: Path, settings: dict[str, str], console: Console) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.fields[plant]:<12}"), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks = {plant.name: progress.add_task("waiting", total=None, plant=plant.name) for plant in PLANTS}

        def say(plant: str, what: str) -> None:
            progress.update(tasks[plant], description=what)
            if what == "ready":
                progress.update(tasks[plant], total=1, completed=1)

        prepare(folder, settings, say)


def _stream(
    folder: Path, rate: float, *, stack: LocalStack, workers: LocalWorkers, gateway: httpx.Client, console: Console
) -> dict[str, Any]:
    photos = live_photos(PLANTS, folder)
    damaged = {photo.id: photo.damaged for photo in photos}
    tally = Tally()
    failures: list[BaseException] = []
    with Collector(stack.bus, tally) as collector:
        sender = threading.Thread(
            target=_send,
            args=(photos, gateway, rate),
            kwargs={"tally": tally, "lock": collector.lock, "failures": failures},
            daemon=True,
        )
        started = time.monotonic()
        sender.start()
        deadline = started + len(photos) / rate + PATIENCE_SECONDS
        with Live(console=console, refresh_per_second=5) as live:
            while time.monotonic() < deadline and not failures:
                workers.check()
                collector.check()
                with collector.lock:
                    latest = list(collector.collected.latest)
                    outstanding = tally.outstanding
                live.update(live_view(latest, damaged, judged=len(latest), total=len(photos)))
                if not sender.is_alive() and not outstanding:
                    break
                time.sleep(0.1)
        if failures:
            raise failures[0]
        # A doubled verdict would follow its first: listen a moment longer before saying that there is none.
        time.sleep(2.0)
        collected = collector.collected
        account = tally.summary()
    _draw(folder / "pictures", photos, collected)
    return summarise(
        account,
        list(collected.verdicts.values()),
        damaged,
        seconds=max(collected.last_at - started, 1e-9),
        broker=stack.broker_version,
        redis=stack.redis_version,
    )


def _send(
    photos: list[LivePhoto],
    gateway: httpx.Client,
    rate: float,
    *,
    tally: Tally,
    lock: threading.Lock,
    failures: list[BaseException],
) -> None:
    try:
        send(photos, gateway, rate, tally, lock)
    except BaseException as failure:  # noqa: BLE001 - raised again on the main thread
        failures.append(failure)


def _draw(folder: Path, photos: list[LivePhoto], collected: Collected) -> None:
    """One picture per plant: the failed part that is furthest above its threshold."""
    for plant in PLANTS:
        mine = {photo.id: photo for photo in photos if photo.plant == plant}
        shown = [verdict for image, verdict in collected.verdicts.items() if image in mine and image in collected.maps]
        if shown:
            worst = max(shown, key=_excess)
            photo = mine[worst.image].path.read_bytes()
            path = folder / f"{plant.name}.png"
            draw(photo, collected.crops[worst.image], collected.maps[worst.image], worst, path)


def _excess(verdict: Verdict) -> float:
    threshold = next((check.threshold for check in verdict.checks if check.name == "damage"), None)
    score = damage_score(verdict)
    return 0.0 if score is None or threshold is None else score - threshold
