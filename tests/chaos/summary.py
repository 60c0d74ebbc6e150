"""What a run comes to: `summary.json`, and whether it was as it must be. Pure."""

from typing import Any, Final

from tests.chaos.history import longest_stall
from tests.chaos.marks import MarkKind
from tests.chaos.plan import Point
from tests.chaos.run import Outcome
from tests.chaos.without_transactions import Delivery

SHOWN: Final = 20
"""Entries of each kind of finding in the summary."""


def summarise(outcome: Outcome) -> dict[str, Any]:
    """The content of `summary.json`."""
    counts = outcome.marks.counts()
    findings = outcome.findings
    return {
        "seed": outcome.plan.seed,
        "delivery": outcome.delivery,
        "events": len(outcome.sent),
        "verdicts": sum(seen.kind == "verdict" for seen in outcome.committed),
        "dead_letters": sum(seen.kind == "dead_letter" for seen in outcome.committed),
        "lost": len(findings.lost),
        "duplicates": len(findings.duplicates),
        "sigkills": counts["sigkill"],
        "sigstops": counts["sigstop"],
        "broker_restarts": counts["broker_restart"],
        "redis_restarts": counts["redis_restart"],
        "network_faults": counts["network_fault"],
        "longest_stall_s": round(longest_stall(outcome.sent.values(), outcome.committed), 1),
        "model_swaps": counts["model_swap"],
        "visits": counts["visit"],
        "sigkills_by_point": {str(point): outcome.marks.details("sigkill")[point] for point in Point},
        "broker_restarts_by_way": dict(sorted(outcome.marks.details("broker_restart").items())),
        "redis_restarts_by_way": dict(sorted(outcome.marks.details("redis_restart").items())),
        "network_faults_by_weather": dict(sorted(outcome.marks.details("network_fault").items())),
        "records_of_aborted_transactions": len(outcome.uncommitted) - len(outcome.committed),
        "worker_lives": {
            "orderly": outcome.exits.orderly,
            "killed": outcome.exits.killed,
            "gave_up": outcome.exits.gave_up,
            "broken": outcome.exits.broken,
        },
        "drained_s": round(outcome.drained_s, 1),
        "seconds": round(outcome.seconds),
        "violations": {name: len(found) for name, found in findings.items()}
        | {"left_behind": outcome.left_behind, "open_transactions": len(outcome.open_transactions)},
        "examples": {name: found[:SHOWN] for name, found in findings.items() if found},
        "trouble": outcome.marks.trouble,
    }


def complaints(outcome: Outcome) -> list[str]:
    """Why a run with transactions is not as it must be, one line each; empty when it is."""
    found = [f"{name}: {len(entries)}, e.g. {entries[0]}" for name, entries in outcome.findings.items() if entries]
    if outcome.left_behind:
        found.append(f"{outcome.left_behind} records were never committed by their group: the line is stuck")
    if outcome.open_transactions:
        found.append(f"a transaction stayed open on {', '.join(outcome.open_transactions)}")
    found += [f"a worker broke: {broken}" for broken in outcome.exits.broken]
    found += [f"not done as planned: {trouble}" for trouble in outcome.marks.trouble]
    counts, size = outcome.marks.counts(), outcome.plan.size
    planned: dict[MarkKind, int] = {
        "sigkill": size.sigkills,
        "sigstop": size.sigstops,
        "broker_restart": size.broker_restarts,
        "redis_restart": size.redis_restarts,
        "network_fault": size.network_faults,
    }
    found += [f"{counts[kind]} of {wanted} {kind}s struck" for kind, wanted in planned.items() if counts[kind] < wanted]
    return found


def blindness(outcome: Outcome) -> str | None:
    """Why a control run fails: it shows nothing where much must be wrong."""
    if outcome.delivery is Delivery.OUTPUT_FIRST and not outcome.findings.duplicates:
        return "output before offsets, and no duplicate was seen: the harness is blind"
    if outcome.delivery is Delivery.OFFSETS_FIRST and not outcome.findings.lost:
        return "offsets before output, and no loss was seen: the harness is blind"
    return None
