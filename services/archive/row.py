"""From a verdict to its row of the history. Pure."""

from typing import Any, Final

from shared.events import Verdict
from shared.history.columns import CHECKS

_LARGEST: Final = 2**63 - 1


class RowRejected(ValueError):
    """The verdict has no row; the message is one line for its dead letter."""


def row_of(verdict: Verdict, *, evidence: bool) -> dict[str, Any]:
    """One row, its values as JSON has them, with every name of `shared.history.columns.COLUMNS`.

    Args:
        verdict: gating.
        evidence: whether its pictures are to be kept.

    Raises:
        RowRejected: it holds a number or a text that no column can hold.
    """
    row: dict[str, Any] = {
        "id": verdict.id,
        "image": verdict.image,
        "part": verdict.part,
        "line": verdict.line,
        "station": verdict.station,
        "layout": verdict.layout,
        "camera": verdict.camera,
        "captured": verdict.captured.isoformat(),
        "judged": verdict.time.isoformat(),
        "decision": verdict.decision,
        **_checks(verdict),
        **_model(verdict),
        **_timings(verdict),
        "trace": verdict.trace,
        "photo": verdict.photo,
        "crop": verdict.crop,
        "evidence": evidence,
        "lies_at": verdict.lies_at,
    }
    for name, value in row.items():
        _check(name, value)
    return row


def _checks(verdict: Verdict) -> dict[str, Any]:
    by_name = {check.name: check for check in verdict.checks}
    fields: dict[str, Any] = {}
    for name in CHECKS:
        for field in ("result", "score", "threshold", "detail"):
            fields[f"{name}_{field}"] = getattr(by_name.get(name), field, None)
    peak = next((check.peak for check in verdict.checks if check.peak is not None), (None, None))
    return fields | {"peak_x": peak[0], "peak_y": peak[1]}


def _model(verdict: Verdict) -> dict[str, Any]:
    names = ("version", "digest", "kind", "arm", "assignment", "revision", "stale", "embedding")
    fallback = None if verdict.model is None else verdict.model.fallback
    return {name: getattr(verdict.model, name, None) for name in names} | {
        f"fallback_{name}": getattr(fallback, name, None) for name in ("assigned", "arm", "reason")
    }


def _timings(verdict: Verdict) -> dict[str, Any]:
    timings = verdict.timings
    return {
        **{f"{name}_ms": getattr(timings, name) for name in ("fetch", "decode", "crop", "score", "model")},
        "batch": timings.batch,
        "latency_ms": timings.capture_to_verdict,
        "clock_skew_ms": timings.clock_skew,
    }


def _check(name: str, value: object) -> None:
    """Only what can be written by itself: one verdict that cannot must not hold up the others."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise RowRejected(f"{name} is {str(value)[:20]}..., and the history holds whole numbers up to 2^63: correct it")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RowRejected(
                f"{name} holds half a character (a lone surrogate), which is no text: correct it"
            ) from None
