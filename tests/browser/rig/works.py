"""A whole Linegate for the tests of the console: real servers, workers as processes, receivers of messages."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.process import free_port
from deploy.local.stack import LocalStack
from deploy.local.workers import PEOPLE_WORKERS, LocalWorkers, worker_settings
from shared.bus.publisher import EventPublisher
from shared.bus.settings import BusSettings
from shared.events import PartImage, Verdict
from shared.registry.client import Registry
from shared.settings.sections import RedisSettings, StoreSettings
from shared.store import ArtifactStore
from tests.browser.receivers.mailbox import Mailbox
from tests.browser.receivers.webhook import WebhookReceiver
from tests.browser.rig.labels import PLANTS, Plant
from tests.browser.rig.models import put_in_force, train
from tests.browser.rig.people import Person, give_keys
from tests.browser.rig.witness import Witness

WORKERS: Final = ("crop", "score", *PEOPLE_WORKERS)
PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class Works:
    """What the tests work with."""

    stack: LocalStack
    workers: LocalWorkers
    settings: dict[str, str]
    keys: dict[Person, str]
    publisher: EventPublisher
    witness: Witness
    webhooks: WebhookReceiver
    mailbox: Mailbox

    @property
    def console(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.settings['LINEGATE_CONSOLE__PORT']}"

    @property
    def bus(self) -> BusSettings:
        """How to reach Kafka."""
        return self.stack.bus

    @property
    def redis(self) -> RedisSettings:
        """How to reach Redis."""
        return RedisSettings.model_validate({"url": self.stack.redis_url})

    def send(self, plant: Plant, part: str, number: int, *, damaged: bool) -> PartImage:
        """A photo by the plant's camera; Kafka has it when this returns."""
        photo = plant.photo(part, number, damaged=damaged)
        self.publisher.publish(photo).result(PATIENCE_S)
        return photo

    def verdict(self, photo: PartImage) -> Verdict:
        """The verdict on a photo."""
        return self.witness.wait(Verdict, lambda verdict: verdict.image == photo.id)

    def kill(self, worker: str) -> None:
        """End a worker as a power cut would (SIGKILL)."""
        process = self.workers.processes[worker]
        os.kill(process.pid, signal.SIGKILL)
        process.stop()  # collects what is left of it

    def start_again(self, worker: str) -> None:
        """Start it anew."""
        self.workers.processes[worker].start_again()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to this in {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.05)


@contextmanager
def running(folder: Path) -> Iterator[Works]:
    """A whole Linegate, for the length of a `with` block."""
    stack = LocalStack(folder / "servers")
    with ThreadPoolExecutor(1) as other, WebhookReceiver() as webhooks, Mailbox() as mailbox:
        trained = other.submit(train)  # while Kafka and Redis start
        with stack:
            port = free_port()
            settings = worker_settings(stack, folder, port=0, console_port=port) | _settings(mailbox, port)
            keys = give_keys(Path(settings["LINEGATE_AUTH__KEYS_FILE"]))
            store = ArtifactStore(
                StoreSettings(
                    url=settings["LINEGATE_STORE__URL"], cache_dir=Path(settings["LINEGATE_STORE__CACHE_DIR"])
                )
            )
            with Registry(RedisSettings.model_validate({"url": stack.redis_url})) as registry:
                put_in_force(trained.result(), folder, store, registry)
            workers = LocalWorkers(
                folder / "logs",
                settings=settings,
                bootstrap_servers=stack.bootstrap_servers,
                names=WORKERS,
            )
            with workers:
                with EventPublisher(stack.bus) as publisher, Witness(stack.bus) as witness:
                    yield Works(stack, workers, settings, keys, publisher, witness, webhooks, mailbox)
                _end_at_once(stack, workers)


def _end_at_once(stack: LocalStack, workers: LocalWorkers) -> None:
    """Nobody reads their data any more; that they end in order is seen elsewhere."""
    for process in workers.processes.values():
        if process.running:
            os.kill(process.pid, signal.SIGKILL)
    if stack.kafka is not None:
        stack.kafka.kill()


def _settings(mailbox: Mailbox, console_port: int) -> dict[str, str]:
    named = {plant.name: {"title": plant.title, "zone": plant.zone} for plant in PLANTS}
    return {
        "LINEGATE_PLANTS__NAMED": json.dumps(named),
        "LINEGATE_NETWORK__ALLOW_PRIVATE": "127.0.0.1/32",
        "LINEGATE_NOTIFY__SMTP__HOST": "127.0.0.1",
        "LINEGATE_NOTIFY__SMTP__PORT": str(mailbox.port),
        "LINEGATE_NOTIFY__SMTP__SECURITY": "none",
        "LINEGATE_NOTIFY__CONSOLE_URL": f"http://127.0.0.1:{console_port}",
        "LINEGATE_ARCHIVE__MAX_WAIT_S": "0.5",  # mails wait for the pictures that it keeps
        "OMP_NUM_THREADS": "1",
    }
