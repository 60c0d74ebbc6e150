"""From a seed to a schedule of faults and of photos. Pure: the same seed and size make the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias, TypeVar

Role: TypeAlias = Literal["crop", "score"]
ROLES: Final[tuple[Role, ...]] = ("crop", "score")
RESIDENTS: Final = 2
"""Workers of each role that are always there; a guest comes and goes, so that partitions move."""
T = TypeVar("T")


class Point(StrEnum):
    """Where in its work a worker is killed."""

    IN_STEP = "in_step"
    AFTER_PRODUCE = "after_produce"
    """The records are at the broker, the offsets are not."""
    AFTER_SEND_OFFSETS = "after_send_offsets"
    """All is at the broker, and the transaction is open."""
    DURING_COMMIT = "during_commit"
    AFTER_COMMIT = "after_commit"
    """Committed, but the worker has not heard of it."""
    MID_REVOKE = "mid_revoke"
    MID_MODEL_SWAP = "mid_model_swap"
    AT_START = "at_start"
    """It has taken its transactional id, and has not joined the group."""
    ANYWHERE = "anywhere"
    """Whatever it is doing."""


_SHARES: Final = {
    Point.DURING_COMMIT: 10,
    Point.AFTER_PRODUCE: 8,
    Point.AFTER_SEND_OFFSETS: 8,
    Point.MID_REVOKE: 6,
    Point.MID_MODEL_SWAP: 5,
    Point.AFTER_COMMIT: 4,
    Point.IN_STEP: 4,
    Point.AT_START: 2,
    Point.ANYWHERE: 3,
}


class Weather(StrEnum):
    """What is wrong with a network."""

    SLOW = "slow"
    CUT = "cut"
    """Connections are reset, new ones refused."""
    FLAPPING = "flapping"
    """Connections are reset again and again, and new ones taken."""
    BLACKHOLE = "blackhole"
    """Nothing passes and nothing is said; what was sent arrives when it is over."""
    MUTE = "mute"
    """Requests arrive and their answers do not."""


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for a resident worker."""

    at: float
    role: Role
    number: int
    point: Point
    passes: int
    """The how-manieth pass of the point is the last one."""
    delay: float
    """Seconds into the point, where it has a length."""
    guest: bool = False
    """For `MID_REVOKE`: the guest is killed while it leaves, not the resident who makes room for it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """SIGSTOP for longer than the session's time-out, then SIGCONT."""

    at: float
    role: Role
    number: int
    beyond: float
    """Seconds past the time-out."""


@dataclass(frozen=True, slots=True)
class BrokerRestart:
    """The broker ends and comes back."""

    at: float
    hard: bool
    """By SIGKILL."""
    away: float
    """Seconds between."""


@dataclass(frozen=True, slots=True)
class RedisRestart:
    """Redis ends and comes back."""

    at: float
    hard: bool
    away: float


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """Bad weather between workers and a server."""

    at: float
    server: Literal["kafka", "redis"]
    weather: Weather
    seconds: float
    victim: tuple[Role, int] | None
    """The one worker that it hits (Kafka only); None for all."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A guest worker joins, stays, and leaves in order: two rebalances."""

    at: float
    role: Role
    seconds: float


@dataclass(frozen=True, slots=True)
class Swap:
    """A new model version takes over at a plant."""

    at: float
    plant: int


Fault: TypeAlias = Kill | Stop | BrokerRestart | RedisRestart | NetworkFault | Visit | Swap


@dataclass(frozen=True, slots=True)
class Burst:
    """Photos that are sent together."""

    at: float
    photos: int


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    events: int
    seconds: float
    sigkills: int
    sigstops: int
    broker_restarts: int
    redis_restarts: int
    network_faults: int
    visits: int
    swaps: int

    def __post_init__(self) -> None:
        counts = (self.sigkills, self.sigstops, self.broker_restarts, self.redis_restarts, self.network_faults)
        if self.events < 1 or self.seconds <= 0 or min(*counts, self.visits, self.swaps) < 0:
            raise ValueError(f"sizes are counts, and a run takes its time: {self}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens, in order of time (seconds from the first photo on)."""

    seed: int
    size: Size
    faults: tuple[Fault, ...]
    bursts: tuple[Burst, ...]


def make_plan(seed: int, size: Size) -> Plan:
    """Draw a schedule. The counts of `size` are met exactly; each kind of fault is spread over the whole time."""
    dice = random.Random(f"chaos-{seed}")  # noqa: S311 - a schedule, not a secret
    faults: list[Fault] = [
        *_kills(dice, size),
        *(
            Stop(at, dice.choice(ROLES), dice.randrange(RESIDENTS), dice.uniform(1.5, 5.0))
            for at in _times(dice, size.sigstops, size.seconds)
        ),
        *(
            BrokerRestart(at, hard, dice.uniform(0.0, 4.0))
            for at, hard in zip(
                _times(dice, size.broker_restarts, size.seconds),
                _shuffled(dice, _dealt((True, False), size.broker_restarts)),
                strict=True,
            )
        ),
        *(
            RedisRestart(at, hard, dice.uniform(0.0, 8.0))
            for at, hard in zip(
                _times(dice, size.redis_restarts, size.seconds),
                _shuffled(dice, _dealt((True, False), size.redis_restarts)),
                strict=True,
            )
        ),
        *_network(dice, size),
        *(Visit(at, dice.choice(ROLES), dice.uniform(4.0, 12.0)) for at in _times(dice, size.visits, size.seconds)),
        *(Swap(at, dice.randrange(2)) for at in _times(dice, size.swaps, size.seconds)),
    ]
    return Plan(seed, size, tuple(sorted(faults, key=lambda fault: fault.at)), tuple(_bursts(dice, size)))


def _kills(dice: random.Random, size: Size) -> Iterator[Kill]:
    points = _shuffled(dice, _shared_out(size.sigkills))
    guests = _dealt((False, True), points.count(Point.MID_REVOKE))
    victims = _rounds(dice, [(role, number) for role in ROLES for number in range(RESIDENTS)], size.sigkills)
    for at, point, victim in zip(_times(dice, size.sigkills, size.seconds), points, victims, strict=True):
        role: Role = "score" if point is Point.MID_MODEL_SWAP else victim[0]
        passes = dice.randint(1, 4) if point not in {Point.MID_REVOKE, Point.MID_MODEL_SWAP, Point.AT_START} else 1
        # A commit takes a few milliseconds on an idle machine; a revoke as long as the step needs for what it has.
        delay = {Point.DURING_COMMIT: dice.uniform(0.0, 0.005), Point.ANYWHERE: dice.uniform(0.0, 3.0)}.get(
            point, dice.uniform(0.0, 0.06)
        )
        guest = point is Point.MID_REVOKE and guests.pop()
        yield Kill(at, role, victim[1], point, passes, delay, guest)


def _shared_out(kills: int) -> list[Point]:
    """So many points in their shares (largest remainder), each at least once where there are enough kills."""
    at_least = 1 if kills >= len(_SHARES) else 0
    rest = kills - at_least * len(_SHARES)
    total = sum(_SHARES.values())
    exact = {point: rest * share / total for point, share in _SHARES.items()}
    counts = {point: at_least + int(share) for point, share in exact.items()}
    by_remainder = sorted(_SHARES, key=lambda point: (int(exact[point]) - exact[point], list(_SHARES).index(point)))
    for point in by_remainder[: kills - sum(counts.values())]:
        counts[point] += 1
    return [point for point, count in counts.items() for _ in range(count)]


def _network(dice: random.Random, size: Size) -> Iterator[NetworkFault]:
    weathers = _shuffled(dice, _dealt(tuple(Weather), size.network_faults))
    # Of ten: four between everybody and Kafka, three between one worker and Kafka, three between everybody and Redis.
    reach = _dealt(("all", "one", "redis", "all", "one", "all", "redis", "one", "all", "redis"), size.network_faults)
    times = _times(dice, size.network_faults, size.seconds)
    for at, weather, who in zip(times, weathers, _shuffled(dice, reach), strict=True):
        victim = (dice.choice(ROLES), dice.randrange(RESIDENTS))
        yield NetworkFault(
            at,
            "redis" if who == "redis" else "kafka",
            weather,
            dice.uniform(4.0, 14.0),
            victim if who == "one" else None,
        )


def _bursts(dice: random.Random, size: Size) -> Iterator[Burst]:
    """About one every two seconds, of very different sizes, so that batches are now full and now single."""
    count = max(1, min(size.events, round(size.seconds / 2)))
    weights = [dice.gammavariate(0.8, 1.0) + 0.05 for _ in range(count)]
    done, ideal = 0, 0.0
    for at, weight in zip(_times(dice, count, size.seconds), weights, strict=True):
        ideal += size.events * weight / sum(weights)
        photos = round(ideal) - done
        done += photos
        if photos:
            yield Burst(at, photos)


def _times(dice: random.Random, count: int, seconds: float) -> list[float]:
    """`count` moments, one in each of `count` equal spans, ascending."""
    return [seconds * (i + dice.random()) / count for i in range(count)]


def _dealt(cards: Sequence[T], count: int) -> list[T]:
    """`cards` over and over, `count` in all."""
    return [cards[i % len(cards)] for i in range(count)]


def _rounds(dice: random.Random, items: Sequence[T], count: int) -> list[T]:
    """`count` items in shuffled rounds: none comes again before its round is over, so that the dead can rise first."""
    return [item for _ in range(0, count, len(items)) for item in _shuffled(dice, items)][:count]


def _shuffled(dice: random.Random, items: Sequence[T]) -> list[T]:
    return dice.sample(items, len(items))
