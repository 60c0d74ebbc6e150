"""A real worker in a process of its own, forked from a server that has everything imported: restarts cost little."""

import faulthandler
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from tests.chaos.fuse import Arm, Fuse, install, install_model_swap
from tests.chaos.plan import Role
from tests.chaos.without_transactions import Delivery
from tests.chaos.without_transactions import install as install_delivery

context: Final = multiprocessing.get_context("forkserver")
PRELOADED: Final = ["services.crop.main", "services.score.main", "shared.serving.serve", "tests.chaos.worker"]
BROKEN: Final = 70
"""Exit status after an error that the product did not foresee (EX_SOFTWARE)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker process is to be."""

    role: Role
    environment: Mapping[str, str]
    log: Path
    delivery: Delivery
    arm: Arm | None = None


def preload() -> None:
    """Start the fork server; what it imports is shared by all workers."""
    context.set_forkserver_preload(PRELOADED)
    first = context.Process(target=_nothing)
    first.start()
    first.join()
    if first.exitcode != 0:
        raise RuntimeError(f"the fork server does not work: exit status {first.exitcode}")


def work(order: Order, line: Connection) -> None:
    """Run the real `main` of the role, as `linegate serve` does, until SIGTERM or death."""
    _write_to(order.log)
    faulthandler.register(signal.SIGUSR1)  # where is it? The conductor asks those that pass no point
    os.environ.update(order.environment)
    fuse = Fuse(line, order.arm)
    install(fuse)
    if order.delivery is not Delivery.TRANSACTIONS:
        install_delivery(fuse, order.delivery)
    sys.exit(_serve(order.role, fuse))


def _serve(role: Role, fuse: Fuse) -> int:
    import torch

    from shared.errors import LinegateError
    from shared.serving.serve import serve

    torch.set_num_threads(1)
    try:
        if role == "crop":
            from services.crop.main import main

            return serve("crop", main)
        from services.score.main import main as score

        install_model_swap(fuse)
        return serve("score", score)
    except LinegateError as error:
        sys.stderr.write(f"error: {error.line}\n")
        return 1
    except BaseException:  # noqa: BLE001 - told apart from the errors that the product foresees
        traceback.print_exc()
        return BROKEN


def _nothing() -> None:
    """Prove that the fork server forks, and that it has what it should."""
    missing = [name for name in PRELOADED if name not in sys.modules]
    sys.exit(1 if missing else 0)


def _write_to(log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
