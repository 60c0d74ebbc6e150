"""Run every check and print what it found."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape

from deploy.doctor import access, crops, machine, servers, weights
from deploy.doctor.finding import Check, Finding, fail
from shared.settings import Settings, SettingsRejected, load_settings

CHECKS: Final[Sequence[Check]] = (
    machine.python,
    machine.torch_pair,
    machine.faiss,
    machine.gpu,
    machine.java,
    machine.disk,
    servers.kafka,
    servers.redis,
    servers.store,
    access.who_may_come_in,
    access.our_token,
    crops.crops,
    weights.backbone,
    weights.detector,
)
_STYLES: Final = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}


def run_doctor(console: Console, checks: Sequence[Check] = CHECKS) -> int:
    """Check this set-up and print one line each: OK, WARN or FAIL, and what to do.

    Returns:
        The exit status: 1 if anything failed, else 0.
    """
    try:
        settings = load_settings()
    except SettingsRejected as error:
        _print(console, fail(str(error), error.hint or "see docs/settings.md"))
        return 1
    levels: list[str] = []
    for check in checks:
        for finding in _findings(check, settings):
            _print(console, finding)
            levels.append(finding.level)
    failed, warned = levels.count("FAIL"), levels.count("WARN")
    console.print(f"\n{failed} failed, {warned} to look at, {levels.count('OK')} well.", highlight=False)
    return 1 if failed else 0


def _findings(check: Check, settings: Settings) -> Iterable[Finding]:
    try:
        yield from check(settings)
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding; the others still run
        told = " ".join(str(error).split())[:300]
        name = check.__name__.replace("_", " ")
        yield fail(f"checking {name} failed: {type(error).__name__}: {told}", "repair that installation and run again")


def _print(console: Console, finding: Finding) -> None:
    style = _STYLES[finding.level]
    console.print(f"[{style}]{finding.level:<4}[/] {escape(finding.told)}", highlight=False, soft_wrap=True)
    if finding.remedy is not None:
        console.print(f"     → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
