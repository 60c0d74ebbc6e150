"""The demo's account: what was sent, what came back, and how good the verdicts were. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from services.tally import Summary, damage_score
from shared.events import Verdict
from training import metrics


def summarise(
    account: Summary,
    verdicts: Sequence[Verdict],
    damaged: Mapping[str, bool],
    *,
    seconds: float,
    broker: str,
    redis: str,
) -> dict[str, Any]:
    """The content of `summary.json`.

    Args:
        account: the exactly-once account of the run.
        verdicts: first verdict of each photo.
        damaged: true label by image id.
        seconds: from the first photo sent to the last verdict.
        broker: the broker's name and version.
        redis: the Redis server's version.
    """
    by_model: defaultdict[str, list[Verdict]] = defaultdict(list)
    unfound = [verdict for verdict in verdicts if verdict.model is None]
    for verdict in verdicts:
        if verdict.model is not None:
            by_model[verdict.model.version].append(verdict)
    models = [_model(version, group, damaged) for version, group in sorted(by_model.items())]
    return {
        "photos": account.photos,
        "verdicts": account.verdicts,
        "missing": account.missing,
        "duplicates": account.duplicates,
        "dead_letters": account.dead_letters,
        "not_found": {
            "good": sum(not damaged[verdict.image] for verdict in unfound),
            "damaged": sum(damaged[verdict.image] for verdict in unfound),
        },
        # Raw scores of different models share no scale, so these are per model; see `models`.
        "auroc": {model["kind"]: model["auroc"] for model in models},
        "recall_at_precision": {model["kind"]: model["recall_at_precision"] for model in models},
        "latency_ms": {
            "p50": None if account.p50 is None else round(account.p50 * 1000, 1),
            "p99": None if account.p99 is None else round(account.p99 * 1000, 1),
        },
        "throughput_per_s": round(account.verdicts / seconds, 2),
        "broker": broker,
        "redis": redis,
        "models": models,
    }


def _model(version: str, verdicts: Sequence[Verdict], damaged: Mapping[str, bool]) -> dict[str, Any]:
    stamp = verdicts[0].model
    scores = [score for score in map(damage_score, verdicts) if score is not None]
    if stamp is None or len(scores) != len(verdicts):
        raise ValueError(f"a verdict of {version} carries no damage score")
    truth = [damaged[verdict.image] for verdict in verdicts]
    points = metrics.operating_points(scores, truth)
    failed = [verdict.decision == "fail" for verdict in verdicts]
    return {
        "version": version,
        "digest": stamp.digest,
        "kind": stamp.kind,
        "plants": sorted({verdict.plant for verdict in verdicts}),
        "photos": len(verdicts),
        "damaged": sum(truth),
        "auroc": round(metrics.auroc(points), 4),
        "recall_at_precision": {
            str(target): round(metrics.recall_at_precision(points, target), 4) for target in metrics.PRECISION_TARGETS
        },
        "threshold": next(check.threshold for check in verdicts[0].checks if check.name == "damage"),
        "caught": sum(f and t for f, t in zip(failed, truth, strict=True)),
        "missed": sum(t and not f for f, t in zip(failed, truth, strict=True)),
        "false_alarms": sum(f and not t for f, t in zip(failed, truth, strict=True)),
    }


def is_complete(summary: Mapping[str, Any]) -> bool:
    """Whether every photo has exactly one verdict, the demo's condition for success."""
    return bool(
        summary["photos"] == summary["verdicts"]
        and not summary["missing"]
        and not summary["duplicates"]
        and not summary["dead_letters"]
    )
