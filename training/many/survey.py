"""What is there for each version of a plan: photos are counted, none is opened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from shared.errors import LinegateError
from training.arguments import ArgumentRejected, narrowed
from training.data.sample import DataRejected
from training.data.source import DataSet, open_data
from training.many.expand import Wanted
from training.many.plan import PlanRejected


@dataclass(frozen=True, slots=True)
class Planned:
    """A version with its data.

    Attributes:
        wanted: by the plan.
        data: of its layouts and cameras only.
        good: how many photos.
        damaged: likewise.
        skipped: why it is not made; None where it is.
    """

    wanted: Wanted
    data: DataSet
    good: int
    damaged: int
    skipped: str | None

    @property
    def version(self) -> str:
        """Its name."""
        return self.wanted.order.version


def survey(plan: Path, wanted: Iterable[Wanted]) -> tuple[Planned, ...]:
    """Count the photos of each version. A data set of several versions is listed once.

    Raises:
        PlanRejected: data sets that cannot be used, and versions without any photo that are not to be skipped.
    """
    opened: dict[Path, DataSet | LinegateError] = {}
    planned: list[Planned] = []
    mistakes: dict[str, str] = {}
    for one in wanted:
        name = one.order.version
        if one.data not in opened:
            opened[one.data] = _open(one.data)
        found = opened[one.data]
        if isinstance(found, LinegateError):
            mistakes.setdefault(found.line, f"{name}: {found.line}")
            continue
        try:
            data = narrowed(found, one.order.spec.layouts, one.order.spec.cameras)
        except ArgumentRejected as error:
            if not one.if_photos:
                mistakes[name] = f"{name}: {one.data}: {error.line}"
                continue
            data = DataSet(found.name, ())
        damaged = sum(sample.damaged for sample in data.samples)
        good = len(data.samples) - damaged
        few = good < one.if_photos
        skipped = f"{good} good photos, fewer than {one.if_photos}" if few else None
        planned.append(Planned(one, data, good, damaged, skipped))
    if mistakes:
        raise PlanRejected(plan, mistakes.values())
    return tuple(planned)


def check_methods(plan: Path, planned: Sequence[Planned]) -> None:
    """See that every method is known and takes its options. Imports torch, which takes seconds.

    Raises:
        PlanRejected: some do not.
    """
    from shared.models.kinds import UnknownKind, model_class
    from training.many.plan import told

    mistakes: dict[str, str] = {}
    for one in planned:
        spec = one.wanted.order.spec
        try:
            options = model_class(spec.kind).Options
            options.model_validate({"seed": spec.seed, **spec.options})
        except UnknownKind as error:
            mistakes.setdefault(str(error), f"{one.version}: kind: {error}")
        except ValidationError as error:
            for line in told(error, options.model_fields):
                mistakes.setdefault(f"{spec.kind} {line}", f"{one.version}: options of {spec.kind}: {line}")
    if mistakes:
        raise PlanRejected(plan, mistakes.values())


def _open(path: Path) -> DataSet | LinegateError:
    try:
        return open_data(path)
    except DataRejected as error:
        return error
