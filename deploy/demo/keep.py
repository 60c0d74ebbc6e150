"""The demo that stays: alerts that a newcomer can acknowledge, and two lines that go on slowly until Ctrl-C."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from deploy.demo.plan import PLANTS
from deploy.demo.send import LivePhoto, live_photos, post
from deploy.demo.setting import console_url, gateway_client
from deploy.local.supervisor import Supervisor
from deploy.local.workers import LocalWorkers
from shared.alerts.conditions import EachFail, FailsInWindow
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.subscription import Subscription
from shared.errors import LinegateError
from shared.events import new_event_id
from shared.registry.place_key import PlaceKey
from shared.settings import RedisSettings

PAUSE_SECONDS: Final = 3.0
"""Between two photos once the demo's own are judged."""
SUBSCRIPTIONS: Final = (
    Subscription(
        id="demo-each-fail",
        title="A damaged label",
        scope=PlaceKey.parse(f"{PLANTS[0].name}/{PLANTS[0].line}"),
        condition=EachFail(),
        group_by=("plant", "line"),
    ),
    Subscription(
        id="demo-three-fails",
        title="Three fails within a minute",
        scope=PlaceKey.parse("*"),
        condition=FailsInWindow(fails=3, minutes=1),
        severity="critical",
        group_by=("plant", "line"),
    ),
)
"""Without channels: seen in the console. A channel can be added there."""


def subscribe(settings: RedisSettings) -> None:
    """Put the sample subscriptions in place."""
    with SubscriptionDesk(settings) as desk:
        held = desk.subscriptions()
        for record in SUBSCRIPTIONS:
            former = held.get(record.id)
            desk.put_subscription(record, expected=None if former is None else former.revision, author="demo")


def where_to_look(settings: dict[str, str]) -> str:
    """The console's address, and where the key to it lies."""
    return f"console: {console_url(settings)}   sign in with the key in {settings['LINEGATE_TOKEN_FILE']}"


def stay(folder: Path, settings: dict[str, str], workers: LocalWorkers, console: Console) -> None:
    """Keep everything running, with a photo now and then, until Ctrl-C.

    Raises:
        ServerFailedError: a worker keeps ending.
    """
    console.print(f"\n{where_to_look(settings)}", highlight=False, soft_wrap=True)
    console.print(f"Everything keeps running, with a photo every {PAUSE_SECONDS:.0f} s. Ctrl-C ends it.")
    supervisor = Supervisor(workers.processes, told=console.print)
    photos = _over_and_over(live_photos(PLANTS, folder))
    try:
        with gateway_client(settings) as gateway:
            while True:
                supervisor.look()
                _send_one(next(photos), gateway, console)
                time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        console.print("stopping")


def _over_and_over(photos: list[LivePhoto]) -> Iterator[LivePhoto]:
    """The same parts again, each time on a photo of its own."""
    return (replace(photo, id=new_event_id()) for photo in itertools.cycle(photos))


def _send_one(photo: LivePhoto, gateway: httpx.Client, console: Console) -> None:
    try:
        post(gateway, photo)
    except (httpx.TransportError, LinegateError) as error:
        # The supervisor starts a gateway again that ended; the next photo finds it.
        console.print(f"a photo was not taken: {error}", markup=False)
