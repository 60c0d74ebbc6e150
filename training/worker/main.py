"""Wire the training service: the intake on the bus, and a runner beside it."""

import os
import socket
import threading

from shared.bus.loop import Worker
from shared.bus.publisher import EventPublisher
from shared.events import TrainingCancelled, TrainingRequest
from shared.serving.wiring import fault_reporter, run_worker
from shared.serving.worker_probes import worker_probes
from shared.settings import Settings
from training.publish import able_to_sign
from training.worker.attempt import Bench
from training.worker.board import JobBoard
from training.worker.desk import ResultDesk
from training.worker.intake import IntakeStep
from training.worker.runner import Runner

NAME = "train"
LAST_WORD_S = 5.0


def main(settings: Settings, stop: threading.Event) -> int:
    """Run a training worker until `stop` is set; answers the exit status.

    Raises:
        KeyRejected: the signing key cannot be used.
        BusError: Kafka refused for good, or stayed away for too long.
    """
    able_to_sign(settings, wanted=True)
    worker = f"{NAME}-{settings.bus.instance or f'{socket.gethostname()}-{os.getpid()}'}"
    publisher = EventPublisher(settings.bus)
    try:
        with fault_reporter(settings, NAME) as faults, JobBoard(settings.redis) as board:
            bench = Bench(settings, board, ResultDesk(settings.bus), publisher.publish, faults, worker)
            runner = Runner(bench, stop)
            step = IntakeStep(board, settings.training.data_roots, arrived=runner.arrived)
            intake = Worker(step, consumes=(TrainingRequest, TrainingCancelled), name=NAME, settings=settings.bus)
            with runner, worker_probes(intake, settings.probes):
                return run_worker(intake, stop, faults=faults)
    finally:
        publisher.close(LAST_WORD_S)
