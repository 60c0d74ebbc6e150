"""One run: servers, models, workers, photos and faults; then heal, drain, stop, and let the witnesses be heard."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shared.settings.sections import RedisSettings, StoreSettings
from tests.chaos.conductor import Conductor
from tests.chaos.history import Findings, Seen, Sent, judge
from tests.chaos.marks import Marks
from tests.chaos.models import Models
from tests.chaos.photos import Photos
from tests.chaos.plan import Plan
from tests.chaos.sender import Sender
from tests.chaos.servers import Servers
from tests.chaos.supervisor import Exits, Supervisor
from tests.chaos.without_transactions import Delivery
from tests.chaos.witness import Watch, WitnessFailed, backlog, open_transactions, read_all
from tests.chaos.worker import preload

SESSION_S: Final = 6.0
BUS: Final = {
    # Short time-outs in the proportions of the defaults, so that much fits into a quarter of an hour.
    "SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)),
    "TRANSACTION_TIMEOUT_MS": "5000",
    "MESSAGE_TIMEOUT_MS": "4000",
    "CALL_BUDGET_S": "20",
    "REVOKE_BUDGET_S": "10",
    "RETRY_INITIAL_S": "0.2",
    "RETRY_MAX_S": "3",
    # Photos pile up during outages, the malformed ones too; the guard against their flood is not under test here.
    "DEAD_LETTERS_PER_MINUTE": "0",
}
FIRST_S: Final = 180.0
"""Until every worker has partitions at first."""
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TICK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, for people who look on."""

    phase: str
    acknowledged: int
    verdicts: int
    dead_letters: int
    marks: Marks


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run has shown."""

    plan: Plan
    delivery: Delivery
    sent: dict[str, Sent]
    committed: list[Seen]
    uncommitted: list[Seen]
    findings: Findings
    marks: Marks
    exits: Exits
    left_behind: int
    """Records that no group had committed when all was over."""
    open_transactions: list[str]
    """Partitions on which a transaction was still open then."""
    started: float
    """Seconds since 1970."""
    drained_s: float
    """From the end of the schedule until nothing was left."""
    seconds: float


def run_chaos(
    plan: Plan, folder: Path, *, delivery: Delivery, patience: float, look: Callable[[Progress], None]
) -> Outcome:
    """Run one plan.

    Args:
        plan: what to do.
        folder: receives logs and data; what an earlier run left there is removed.
        delivery: the product's transactions, or a control without them.
        patience: seconds without any answer after which what is left counts as stuck.
        look: called about twice a second.

    Raises:
        SendingFailed, WitnessFailed, ServerFailedError, RuntimeError: the harness itself could not go on.
    """
    began = time.monotonic()
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ.update(ONE_THREAD)  # for the fork server and all that come of it
    marks = Marks()
    with ExitStack() as stack:
        warming = stack.enter_context(ThreadPoolExecutor(1)).submit(preload)
        servers = stack.enter_context(Servers(folder / "servers"))
        redis = RedisSettings.model_validate({"url": servers.redis.url})
        store = StoreSettings(url=str(folder / "store"), cache_dir=folder / "cache")
        models = Models(store, redis, folder / "bundles")
        models.set_up()
        warming.result()
        watch = Watch(servers.broker.direct_servers)
        watch.start()
        stack.callback(watch.stop)
        with Supervisor(_environment(servers, folder), folder / "logs", delivery) as supervisor:
            supervisor.wait_serving(FIRST_S)
            started = time.time()
            sender = Sender(servers.broker.direct_servers, Photos(plan.seed, folder / "photos"), plan.bursts)
            conductor = Conductor(servers, supervisor, models, session_s=SESSION_S, marks=marks)
            stack.callback(sender.stop)
            stack.callback(conductor.stop)
            sender.start()

            def tell(phase: str) -> None:
                look(Progress(phase, len(sender.acknowledged), watch.verdicts, watch.dead_letters, marks))

            _watched(lambda: conductor.run(plan), lambda: tell("faults and photos"))
            _watched(sender.finish, lambda: tell("the last photos"))
            healed = time.monotonic()
            _drain(servers, sender, watch, patience, lambda: tell("draining"))
            drained_s = time.monotonic() - healed
            tell("workers stop")
        (folder / "marks.json").write_text(json.dumps([asdict(mark) for mark in marks.all()], indent=1))
        tell("witnesses read")
        servers_ = servers.broker.direct_servers
        committed, uncommitted = read_all(servers_, "read_committed"), read_all(servers_, "read_uncommitted")
        return Outcome(
            plan=plan,
            delivery=delivery,
            sent=sender.acknowledged,
            committed=committed,
            uncommitted=uncommitted,
            findings=judge(sender.acknowledged, committed, uncommitted),
            marks=marks,
            exits=supervisor.exits,
            left_behind=backlog(servers_),
            open_transactions=open_transactions(servers_),
            started=started,
            drained_s=drained_s,
            seconds=time.monotonic() - began,
        )


def _environment(servers: Servers, folder: Path) -> dict[str, str]:
    return {
        **{f"LINEGATE_BUS__{name}": value for name, value in BUS.items()},
        **servers.worker_environment,
        "LINEGATE_STORE__URL": str(folder / "store"),
        "LINEGATE_STORE__CACHE_DIR": str(folder / "cache"),
        "LINEGATE_IMAGES__DATAREF_ROOTS": (folder / "photos").as_uri() + "/",
        "LINEGATE_IMAGES__MAX_PIXELS": "4000000",
        "LINEGATE_SCORE__DEVICE": "cpu",
    }


def _watched(work: Callable[[], None], tick: Callable[[], None]) -> None:
    """Do `work` in a thread and tick meanwhile; what it raises is raised here."""
    failure: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            failure.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(TICK_S)
        tick()
    if failure:
        raise failure[0]


def _drain(servers: Servers, sender: Sender, watch: Watch, patience: float, tick: Callable[[], None]) -> None:
    """Wait until the groups are through with everything, or until nothing has moved for `patience` seconds."""
    while time.monotonic() - watch.last_at < patience:
        tick()
        time.sleep(TICK_S)
        # Asking costs a read of what is left, so only when little can be.
        if watch.answers >= len(sender.acknowledged) or time.monotonic() - watch.last_at > 5:
            try:
                if backlog(servers.broker.direct_servers) == 0:
                    return
            except WitnessFailed:
                continue
