"""What the page of training jobs shows. Pure: no text for people, no time zone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.registry.place_key import WILDCARD
from shared.training_jobs.views import JobView, State, place_of, plant_of

MAIN_METRICS: Final = ("auroc", "recall_at_precision_0.95", "recall_at_threshold", "f1_at_threshold")
UNDER_WAY: Final[frozenset[State]] = frozenset({"running", "queued", "asked"})


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Attributes:
        job: its id.
        state: how it stands.
        place: where the version is meant to judge; None where that is not known.
        plant: of the place; None where that is not known or it is of all plants.
        kind: method and backbone, where the request is known.
        author: who asked for it.
        note: why.
        asked: when.
        stage: what it is at.
        share: how much of the stage is done, 0 to 1.
        attempt: which one it is at, or how many it took.
        changed: the latest word on it.
        seconds: how long the making took.
        version: what came of it.
        version_shown: whether whoever looks may see that version.
        metrics: the main ones.
        other_metrics: the rest.
        threshold: of the version.
        reason: why it failed or was refused, in English.
        hint: what to do about it, in English.
        warnings: in English.
    """

    job: str
    state: State
    place: str | None
    plant: str | None
    kind: str
    author: str
    note: str
    asked: datetime | None
    stage: str | None
    share: float | None
    attempt: int
    changed: datetime | None
    seconds: float | None
    version: str | None
    version_shown: bool
    metrics: tuple[tuple[str, float], ...]
    other_metrics: tuple[tuple[str, float], ...]
    threshold: float | None
    reason: str | None
    hint: str | None
    warnings: tuple[str, ...]

    @property
    def under_way(self) -> bool:
        """Whether it is not over."""
        return self.state in UNDER_WAY


def jobs(
    views: Iterable[JobView], *, may_see: Callable[[str], bool], known_versions: Iterable[str] = ()
) -> tuple[Job, ...]:
    """The jobs that may be seen, in the given order.

    Args:
        views: of the topics.
        may_see: whether jobs of a plant may be seen (`*`: those of all plants, and those whose place is not known).
        known_versions: versions that may be seen.
    """
    versions = frozenset(known_versions)
    return tuple(_job(view, versions) for view in views if may_see(plant_of(view)))


def _job(view: JobView, versions: frozenset[str]) -> Job:
    request, progress, result = view.request, view.progress, view.result
    measured = {} if result is None else result.metrics
    last = result or progress or request
    plant = plant_of(view)
    made = None if result is None else result.version
    kind = "" if request is None else f"{request.spec.kind}, {request.spec.backbone}"
    return Job(
        job=view.job,
        state=view.state,
        place=place_of(view),
        plant=None if plant == WILDCARD else plant,
        kind=kind,
        author="" if request is None else request.author,
        note="" if request is None else request.note,
        asked=None if request is None else request.time,
        stage=None if progress is None or result is not None else progress.stage,
        share=None if result is not None else view.share,
        attempt=result.attempts if result is not None else 1 if progress is None else progress.attempt,
        changed=None if last is None else last.time,
        seconds=None if result is None else result.seconds,
        version=made,
        version_shown=made in versions,
        metrics=tuple((name, measured[name]) for name in MAIN_METRICS if name in measured),
        other_metrics=tuple((name, value) for name, value in sorted(measured.items()) if name not in MAIN_METRICS),
        threshold=None if result is None else result.threshold,
        reason=view.refusal if view.state == "refused" else None if result is None else result.reason,
        hint=None if result is None else result.hint,
        warnings=() if result is None else result.warnings,
    )
