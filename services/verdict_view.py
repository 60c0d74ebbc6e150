"""A verdict for people at a terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.events import Check, Verdict

STYLES = {"pass": "bold green", "fail": "bold red", "skipped": "dim"}


def verdict_panel(verdict: Verdict, *, seconds: float | None = None) -> Panel:
    """A verdict as a panel: PASS or FAIL, every check with score and threshold, the model, and the time it took.

    Args:
        verdict: the verdict.
        seconds: from sending to receiving, where the caller measured it.
    """
    checks = Table.grid(padding=(0, 2, 0, 0))
    for check in verdict.checks:
        checks.add_row(
            Text(check.name),
            Text(check.result, style=STYLES[check.result]),
            Text(score_text(check)),
            Text(check.detail or "", style="dim"),
        )
    parts: list[RenderableType] = [
        Text(f"part {verdict.part} at {place_text(verdict)}"),
        checks,
        Text(_model(verdict), style="dim"),
        Text(_times(verdict, seconds), style="dim"),
        Text(f"photo {verdict.image}", style="dim"),
    ]
    return Panel(
        Group(*parts),
        title=Text(f" {verdict.decision.upper()} ", style=f"{STYLES[verdict.decision]} reverse"),
        border_style="green" if verdict.decision == "pass" else "red",
        expand=False,
    )


def score_text(check: Check) -> str:
    """`31.70 ≥ 24.20`: the score against the threshold, with the sign that holds."""
    if check.score is None:
        return ""
    if check.threshold is None:
        return f"{check.score:.4g}"
    return f"{check.score:.4g} {'≥' if check.score >= check.threshold else '<'} {check.threshold:.4g}"


def place_text(verdict: Verdict) -> str:
    """`munich/line-1/any/us/stationary`, as the registry writes places."""
    return f"{verdict.plant}/{verdict.line}/{verdict.station}/{verdict.layout}/{verdict.camera}"


def _model(verdict: Verdict) -> str:
    model = verdict.model
    if model is None:
        return "no model was asked"
    stale = ", registry away: last known good" if model.stale else ""
    instead = f", instead of {model.fallback.assigned}: {model.fallback.reason}" if model.fallback else ""
    return f"model {model.version} ({model.kind}), {model.arm} by {model.assignment}{stale}{instead}"


def _times(verdict: Verdict, seconds: float | None) -> str:
    timings = verdict.timings
    steps = [
        f"{name} {value:.0f} ms" for name in ("fetch", "decode", "crop", "score") if (value := getattr(timings, name))
    ]
    if timings.capture_to_verdict is not None:
        doubt = "" if timings.clock_skew is None else f" (camera's clock off by {timings.clock_skew / 1000:.0f} s)"
        steps.append(f"capture to verdict {timings.capture_to_verdict:.0f} ms{doubt}")
    if seconds is not None:
        steps.append(f"round trip {seconds * 1000:.0f} ms")
    return ", ".join(steps)
