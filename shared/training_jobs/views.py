"""What the topics tell of the training service's jobs. For whoever looks on: no Redis, no group, nothing committed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from shared.bus.reader import EventReader, Read
from shared.bus.settings import BusSettings
from shared.events import TrainingCancelled, TrainingProgress, TrainingRequest, TrainingResult
from shared.registry.place_key import WILDCARD, PlaceKey
from shared.training_jobs.order import order_of

State: TypeAlias = Literal["asked", "queued", "running", "done", "failed", "cancelled", "refused"]
"""`asked`: no trainer has said anything yet. `refused`: a dead letter."""
TYPES: Final = (TrainingRequest, TrainingCancelled, TrainingProgress, TrainingResult)
REASON: Final = "lg_reason"
PATIENCE_S: Final = 30.0


@dataclass(slots=True)
class JobView:
    """What is known of one job."""

    job: str
    request: TrainingRequest | None = None
    """None where it is older than what the topics keep."""
    progress: TrainingProgress | None = None
    """The latest."""
    result: TrainingResult | None = None
    refusal: str | None = None
    """Why the intake did not take the request."""

    @property
    def state(self) -> State:
        """How it stands."""
        if self.result is not None:
            return self.result.state
        if self.progress is not None:
            return self.progress.state
        return "asked" if self.refusal is None else "refused"

    @property
    def share(self) -> float | None:
        """How much of the present stage is done, 0 to 1; None where that is not known."""
        told = self.progress
        if told is None or not told.total:
            return None
        return min(1.0, told.done / told.total)


def open_reader(bus: BusSettings, start: Literal["earliest", "latest"]) -> EventReader:
    """Reads everything about jobs.

    Raises:
        KafkaFailedError: Kafka does not answer, or a topic does not exist.
    """
    return EventReader(bus, TYPES, start=start, dead_letters_of=(TrainingRequest,))


def fold(views: dict[str, JobView], read: Read) -> JobView | None:
    """Take one record into account; answers the job that it is about, or None."""
    record, event = read
    if not isinstance(event, TYPES):
        return None
    view = views.setdefault(event.job, JobView(event.job))
    if record.topic.endswith(".dlq"):
        if isinstance(event, TrainingRequest):
            view.request = view.request or event
            view.refusal = refusal_of(read)
        return view
    match event:
        case TrainingRequest():
            # The first one stands.
            view.request = view.request or event
        case TrainingProgress():
            if view.progress is None or event.time >= view.progress.time:
                view.progress = event
        case TrainingResult():
            view.result = event
        case _:
            pass
    return view


def refusal_of(read: Read) -> str:
    """The reason that stands on a dead letter."""
    reason = dict(read[0].headers).get(REASON)
    return "" if reason is None else reason.decode("utf-8", "replace")


def all_jobs(bus: BusSettings) -> dict[str, JobView]:
    """Every job that the topics tell of, by its name.

    Raises:
        KafkaFailedError: Kafka does not answer.
    """
    views: dict[str, JobView] = {}
    with open_reader(bus, "earliest") as reader:
        for read in reader.read_to_end(patience=PATIENCE_S):
            fold(views, read)
    return views


def in_order(views: Iterable[JobView]) -> list[JobView]:
    """Running ones first, then what waits in the order in which it will be begun, then what is over, latest first."""
    ranks: dict[State, int] = {"running": 0, "queued": 1, "asked": 2}

    def place(view: JobView) -> tuple[int, float]:
        if view.state in ("queued", "asked") and view.request is not None:
            return ranks[view.state], float(order_of(view.request))
        last = view.result or view.progress or view.request
        return ranks.get(view.state, len(ranks)), 0.0 if last is None else -last.time.timestamp()

    return sorted(views, key=place)


def place_of(view: JobView) -> str | None:
    """Where the version is meant to judge; None where the topics no longer tell."""
    if view.result is not None:
        return view.result.place
    return None if view.request is None else view.request.place


def plant_of(view: JobView) -> str:
    """The plant of that place; `*` where it is of all plants or not known."""
    place = place_of(view)
    try:
        return WILDCARD if place is None else PlaceKey(place).plant
    except ValueError:
        # A refused request may name no place at all.
        return WILDCARD
