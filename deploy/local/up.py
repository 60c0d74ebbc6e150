"""`linegate up`: a whole Linegate on this machine until Ctrl-C."""

import shlex
import signal
import threading
from pathlib import Path

from rich.console import Console

from deploy.local.stack import LocalStack
from deploy.local.supervisor import Supervisor
from deploy.local.workers import ALL_WORKERS, LocalWorkers, worker_settings


def run_up(folder: Path, port: int, console_port: int) -> int:
    """Start Kafka, Redis and the workers, print how to reach them, wait for SIGINT or SIGTERM; answers 0.

    Raises:
        ServerFailedError: something did not start, or ended by itself.
    """
    console = Console()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    with console.status("starting Kafka and Redis"), LocalStack(folder) as stack:
        settings = worker_settings(stack, folder, port=port, console_port=console_port)
        workers = LocalWorkers(
            folder / "logs", settings=settings, bootstrap_servers=stack.bootstrap_servers, names=ALL_WORKERS
        )
        with workers:
            console.print(f"[bold]Linegate is up[/bold] on {stack.broker_version} and Redis {stack.redis_version}")
            console.print(f"  gateway  http://127.0.0.1:{port}/v1/images")
            console.print(f"  console  http://127.0.0.1:{console_port}")
            console.print(f"           sign in with the key in {settings['LINEGATE_TOKEN_FILE']}", soft_wrap=True)
            console.print(f"  logs     {folder / 'logs'}")
            console.print("In another terminal, tell the commands where it is:")
            for key, value in settings.items():
                console.print(f"  export {key}={shlex.quote(value)}", highlight=False, soft_wrap=True)
            console.print("The gateway asks who comes; clients other than these commands show the key themselves:")
            header = '-H "Authorization: Bearer $(cat $LINEGATE_TOKEN_FILE)"'
            console.print(f"  curl {header} ...", highlight=False, soft_wrap=True)
            console.print("Ctrl-C stops it.")
            supervisor = Supervisor(workers.processes, told=console.print)
            while not stop.wait(1.0):
                supervisor.look()
    return 0
