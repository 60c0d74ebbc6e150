"""Which requests are taken at all. Pure but for looking where a path leads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from shared.errors import LinegateError
from shared.events import TrainingRequest
from shared.registry.place_key import PlaceKey
from training import arguments
from training.data.manifest import ENDINGS
from training.data.sample import DataRejected
from training.data.source import DataSet

FOLDER_WEIGHTS: Final = "folder:"


class RequestRejected(LinegateError):
    """A request can never be fulfilled as it stands."""


def check_request(request: TrainingRequest, roots: Sequence[Path]) -> None:
    """Look at all of a request that can be judged without its data.

    Args:
        request: from outside.
        roots: folders below which data may lie.

    Raises:
        RequestRejected: its place, its rule, or where its data or weights lie.
    """
    place_of(request)
    try:
        arguments.threshold_rule(request.spec.rule)
    except arguments.ArgumentRejected as error:
        raise RequestRejected(str(error), hint=error.hint) from None
    located(request.data, roots)
    weights = request.spec.weights
    if weights.startswith(FOLDER_WEIGHTS):
        located(weights.removeprefix(FOLDER_WEIGHTS), roots, what="weights")


def place_of(request: TrainingRequest) -> PlaceKey:
    """Where the version is meant to judge.

    Raises:
        RequestRejected: that is no place.
    """
    try:
        return PlaceKey.parse(request.place)
    except ValidationError:
        raise RequestRejected(
            f"{request.place!r} is no place", hint="plant/line/station/layout/camera, * for any"
        ) from None


def located(text: str, roots: Sequence[Path], *, what: str = "data") -> Path:
    """Where the data lie, all links and `..` resolved. A relative path is one below the first root that has it.

    Args:
        text: the path as it was sent; nobody vouches for it.
        roots: folders below which data may lie.
        what: for the message.

    Raises:
        RequestRejected: not below a root, or no path.
    """
    if not roots:
        raise RequestRejected(
            f"this trainer takes no {what} by path", hint="training.data_roots names the folders that it may read"
        )
    if "://" in text:
        raise RequestRejected(f"the {what} must be a path, not a URL", hint="put it below one of training.data_roots")
    try:
        real = [root.resolve() for root in roots]
        asked = [path.resolve() for path in ((root / text) for root in roots)]
    except (OSError, RuntimeError, ValueError) as error:
        raise RequestRejected(f"the {what} is no path: {' '.join(str(error).split())}") from None
    inside = [path for path in asked if any(path.is_relative_to(root) for root in real)]
    if not inside:
        raise RequestRejected(
            f"the {what} {text} does not lie below one of the trainer's folders",
            hint="training.data_roots names them; links and .. are followed first",
        )
    return next((path for path in inside if path.exists()), inside[0])


def check_data(data: DataSet, roots: Sequence[Path]) -> None:
    """See that every file of a data set lies below a root: a manifest may name any file, and a folder hold links.

    Raises:
        DataRejected: the first one that does not, by its name.
    """
    real = [root.resolve() for root in roots]
    for sample in data.samples:
        for source in (sample.source, sample.mask):
            if isinstance(source, Path) and not any(source.resolve().is_relative_to(root) for root in real):
                raise DataRejected(
                    f"{sample.name} does not lie below one of the trainer's folders",
                    hint="training.data_roots names them; links and .. are followed first",
                )


def version_of(request: TrainingRequest) -> str:
    """What the version is called: as asked, or by data and job, so that every attempt calls it the same."""
    if request.version is not None:
        return request.version
    path = Path(request.data)
    data = path.parent.name if path.suffix.lower() in ENDINGS else path.name
    return arguments.version_by_job(data, request.spec.kind, request.job)
