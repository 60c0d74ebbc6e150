"""The one result of a job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.errors import LinegateError
from shared.events import TrainingRequest, TrainingResult, derived_event_id, now
from shared.registry.records import VersionRecord

MOST: int = 1024
"""Characters of a line on the wire."""


def result_id(job: str) -> str:
    """The id of a job's result, whoever tells it."""
    return derived_event_id(job, "training-result")


def done_result(
    request: TrainingRequest,
    record: VersionRecord,
    *,
    warnings: Sequence[str],
    attempts: int,
    started: datetime | None = None,
) -> TrainingResult:
    """The version is registered."""
    return TrainingResult(
        state="done",
        version=record.version,
        digest=record.digest,
        metrics=record.metrics,
        threshold=None if record.calibration is None else record.calibration.threshold,
        warnings=tuple(_line(warning) for warning in warnings),
        **_about(request.job, request.place, attempts, started),
    )


def failed_result(
    request: TrainingRequest, reason: str, hint: str | None, *, attempts: int, started: datetime | None = None
) -> TrainingResult:
    """There will be no version."""
    return TrainingResult(
        state="failed",
        reason=_line(reason),
        hint=None if hint is None else _line(hint),
        **_about(request.job, request.place, attempts, started),
    )


def cancelled_result(job: str, place: str, *, attempts: int, started: datetime | None = None) -> TrainingResult:
    """Somebody wanted it no longer."""
    return TrainingResult(state="cancelled", **_about(job, place, attempts, started))


def of_error(request: TrainingRequest, error: LinegateError, *, attempts: int, started: datetime) -> TrainingResult:
    """There will be no version, because of this."""
    return failed_result(request, str(error), error.hint, attempts=attempts, started=started)


def _about(job: str, place: str, attempts: int, started: datetime | None) -> dict[str, Any]:
    seconds = None if started is None else max(0.0, (now() - started).total_seconds())
    return {
        "id": result_id(job),
        "job": job,
        "place": place,
        "attempts": max(1, attempts),
        "started": started,
        "seconds": seconds,
    }


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST else f"{line[: MOST - 3]}..."
