"""Fill the board from the topics: what was asked for within their retention and has no result."""

import logging
from collections.abc import Sequence
from pathlib import Path

from shared.bus.reader import EventReader
from shared.bus.settings import BusSettings
from shared.events import TrainingCancelled, TrainingRequest, TrainingResult
from training.worker.accept import RequestRejected, check_request
from training.worker.board import JobBoard, Over

log = logging.getLogger(__name__)


def refill(board: JobBoard, bus: BusSettings, roots: Sequence[Path]) -> int:
    """Put every job without a result back onto the board; those that it knows are left as they are.

    A job whose version is registered already comes back too: it lacks its answer, and whoever takes it finds the
    version.

    Args:
        board: perhaps empty.
        bus: how to reach Kafka.
        roots: folders below which data may lie; what the intake refuses is passed over.

    Returns:
        How many jobs wait.

    Raises:
        KafkaFailedError: Kafka does not answer.
        BoardUnavailable: Redis does not answer.
    """
    requests: dict[str, TrainingRequest] = {}
    cancelled: dict[str, str] = {}
    results: dict[str, TrainingResult] = {}
    types = (TrainingRequest, TrainingCancelled, TrainingResult)
    with EventReader(bus, types, start="earliest") as reader:
        for _, event in reader.read_to_end(patience=bus.call_budget_s):
            match event:
                case TrainingRequest():
                    # The first one stands: the intake takes no other under the same name.
                    requests.setdefault(event.job, event)
                case TrainingCancelled():
                    cancelled[event.job] = event.by
                case TrainingResult():
                    results[event.job] = event
    fresh = 0
    for job, request in requests.items():
        if job in results:
            board.remember(request, results[job].state, attempts=results[job].attempts)
            continue
        try:
            check_request(request, roots)
        except RequestRejected:
            continue
        held = board.add(request, cancelled=cancelled.get(job, ""))
        fresh += not isinstance(held, Over) and held[0] == "queued"
    board.filled()
    if fresh:
        log.info("%d job(s) wait", fresh)
    return fresh
