"""Judge a history: exactly one verdict or exactly one dead letter for every photo, and nothing else. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.chaos.photos import AnswerKind

Place: TypeAlias = tuple[str, int, int]
"""Topic, partition, offset."""
RecordKind: TypeAlias = Literal["crop", "map"] | AnswerKind


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo that the broker acknowledged."""

    id: str
    kind: str
    part: str
    answer: AnswerKind
    """What has to come of it."""
    place: Place
    at: float
    """When it was acknowledged, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that a witness read from one of Linegate's output topics."""

    kind: RecordKind
    place: Place
    at: float
    """Its timestamp, seconds since 1970."""
    image: str | None
    """The photo's event id as the record tells it; None where it tells none."""
    origin: Place | None = None
    """Dead letters only: where the letter says that the original lies."""
    failed: bool = False
    """Verdicts only: the decision is `fail`."""


@dataclass(slots=True)
class Findings:
    """What is wrong; empty when all is well. Each entry is a photo's id or a record's place."""

    lost: list[str] = field(default_factory=list)
    """Photos without an answer."""
    duplicates: list[str] = field(default_factory=list)
    """Photos with more than one answer; once for each that is too many (a verdict beside a dead letter is one)."""
    foreign: list[str] = field(default_factory=list)
    """Records, committed or not, that belong to no photo that was sent."""
    misjudged: list[str] = field(default_factory=list)
    """Good photos with a dead letter, malformed ones with a verdict."""
    doubled_crops: list[str] = field(default_factory=list)
    """Photos with more than one crop."""
    out_of_order: list[str] = field(default_factory=list)
    """Photos whose verdict stands before that of an earlier photo of the same part."""
    torn: list[str] = field(default_factory=list)
    """Photos with half of a transaction: a failing verdict without its map, or a map without its verdict."""
    unwitnessed: list[str] = field(default_factory=list)
    """Records that one witness saw committed and the other did not see at all."""

    def __bool__(self) -> bool:
        return any(found for _, found in self.items())

    def items(self) -> Iterator[tuple[str, list[str]]]:
        """Every kind of finding with its entries."""
        for name in self.__dataclass_fields__:
            yield name, getattr(self, name)


def judge(sent: Mapping[str, Sent], committed: Sequence[Seen], uncommitted: Sequence[Seen]) -> Findings:
    """Compare what was sent with what two independent witnesses saw.

    Args:
        sent: every acknowledged photo, by id.
        committed: all records on the output topics, read committed; of one partition in its order.
        uncommitted: the same, with records of aborted transactions.
    """
    findings = Findings()
    photo_at = {photo.place: photo.id for photo in sent.values()}

    def photo_of(seen: Seen) -> str | None:
        """The photo a record belongs to, by all that it tells of it."""
        by_origin = photo_at.get(seen.origin) if seen.origin is not None else None
        if by_origin is None or seen.image is None or sent[by_origin].kind == "two ids":
            found = by_origin or seen.image
            return found if found in sent else None
        return by_origin if by_origin == seen.image else None

    owners = [photo_of(seen) for seen in committed]
    known = [(seen, owner) for seen, owner in zip(committed, owners, strict=True) if owner is not None]
    findings.foreign = [_told(seen) for seen, owner in zip(committed, owners, strict=True) if owner is None]
    findings.foreign += [_told(seen) for seen in uncommitted if photo_of(seen) is None]
    _count(findings, sent, known)
    _order(findings, sent, known)
    _atomicity(findings, known)
    everything = Counter(map(_identity, uncommitted))
    findings.unwitnessed = [_told(seen) for seen in committed if not everything[_identity(seen)]]
    return findings


def _count(findings: Findings, sent: Mapping[str, Sent], known: Sequence[tuple[Seen, str]]) -> None:
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for seen, owner in known:
        if seen.kind in ("verdict", "dead_letter"):
            answers[owner].append(seen.kind)
    findings.lost = [id_ for id_ in sent if id_ not in answers]
    findings.duplicates = [id_ for id_, kinds in answers.items() for _ in kinds[1:]]
    findings.misjudged = [id_ for id_, kinds in answers.items() if sent[id_].answer not in kinds]
    crops = Counter(owner for seen, owner in known if seen.kind == "crop")
    findings.doubled_crops = [id_ for id_, count in crops.items() if count > 1]


def _order(findings: Findings, sent: Mapping[str, Sent], known: Sequence[tuple[Seen, str]]) -> None:
    """One part's photos lie on one partition in the order they were sent, and so must their verdicts."""
    last: dict[str, Place] = {}
    for seen, owner in known:
        photo = sent[owner]
        if seen.kind != "verdict":
            continue
        if photo.place < last.get(photo.part, photo.place):
            findings.out_of_order.append(owner)
        last[photo.part] = photo.place


def _atomicity(findings: Findings, known: Sequence[tuple[Seen, str]]) -> None:
    """Every failing verdict travels with its map, in one transaction."""
    failed = Counter(owner for seen, owner in known if seen.kind == "verdict" and seen.failed)
    maps = Counter(owner for seen, owner in known if seen.kind == "map")
    findings.torn = [id_ for id_ in failed.keys() | maps.keys() if failed[id_] != maps[id_]]


def _identity(seen: Seen) -> tuple[RecordKind, Place, str | None]:
    return seen.kind, seen.place, seen.image


def _told(seen: Seen) -> str:
    topic, partition, offset = seen.place
    return f"{seen.kind} {topic}[{partition}]@{offset} of {seen.image or 'nobody'}"


def longest_stall(sent: Iterable[Sent], committed: Iterable[Seen]) -> float:
    """The longest time without a new verdict while photos were waiting for their answer, in seconds.

    By the records' timestamps, which a worker sets when it produces.
    """
    moments = [(photo.at, 1, False) for photo in sent]
    moments += [(seen.at, -1, seen.kind == "verdict") for seen in committed if seen.kind in ("verdict", "dead_letter")]
    longest, waiting, since = 0.0, 0, 0.0
    for at, change, progress in sorted(moments):
        if waiting > 0:
            longest = max(longest, at - since)
        if progress or waiting <= 0:
            since = at
        waiting += change
    return longest
