"""By which entry is judged, whatever the order of changes, loads that finish, fail or hang, and looks."""

from collections.abc import Callable, Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.score.effective import Effective
from services.score.in_force import InForce
from services.score.rank import Rank, Wanted
from shared.events import Place
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, Canary, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot

VERSIONS = [f"v{n}" for n in range(6)]
RECORDS = {v: VersionRecord(version=v, digest=f"{n}" * 64, kind="padim") for n, v in enumerate(VERSIONS)}
KEYS = [PlaceKey.parse(key).root for key in ("*", "munich", "munich/line-1")]
OLD = HeldAssignment(revision=1, record=Assignment(champion="v0"))
PLACE = Place(plant="munich", line="line-1", station="s", layout="us", camera="mobile")


class Book:
    """A shelf that loads when it is told to: the order of events is what is under test, not the loading."""

    def __init__(self) -> None:
        self.loading: set[str] = set()
        self.there: set[str] = set()
        self.failed: set[str] = set()
        self.wanted: Mapping[str, Wanted] = {}
        self.ended: Callable[[], None] = lambda: None

    def listen(self, ended: Callable[[], None]) -> None:
        """As the shelf does."""
        self.ended = ended

    def want(self, wanted: Mapping[str, Wanted]) -> None:
        """Failures of what nobody wants are forgotten, what is lacking is being loaded."""
        self.wanted = wanted
        self.failed &= wanted.keys()
        self.loading |= wanted.keys() - self.there - self.failed

    def settled(self, digest: str) -> bool:
        """As the shelf does."""
        return digest in self.there | self.failed

    def failure(self, digest: str) -> str | None:
        """As the shelf does."""
        return "damaged" if digest in self.failed else None

    def end(self, digest: str, *, well: bool) -> None:
        """A load ends."""
        self.loading.discard(digest)
        self.failed.discard(digest)
        (self.there if well else self.failed).add(digest)
        self.ended()

    def overdue(self, digest: str) -> None:
        """A load hangs: it counts as failed from now on. Nobody is told that time passes."""
        self.failed.add(digest)


assignments = st.builds(
    Assignment,
    champion=st.sampled_from(VERSIONS[:4]),
    canary=st.none() | st.builds(Canary, version=st.sampled_from(VERSIONS[:4]), percent=st.just(20.0)),
    shadow=st.none() | st.sampled_from(VERSIONS[:4]),
    former=st.none() | st.sampled_from(VERSIONS[:4]),
)


class Interleavings(RuleBasedStateMachine):
    """Any order of what can happen; looked at after each step."""

    @initialize()
    def begin(self) -> None:
        """A worker that has heard nothing yet."""
        self.book = Book()
        self.in_force = InForce()
        self.effective = Effective(self.book, self.in_force)
        self.state = Snapshot(versions=RECORDS)
        self.ever: dict[str, list[HeldAssignment]] = {key: [] for key in KEYS}
        self.replaced: list[HeldAssignment] = []
        self.seen: dict[str, HeldAssignment] = {}

    @rule(key=st.sampled_from(KEYS), record=assignments)
    def change(self, key: str, record: Assignment) -> None:
        """The registry changes an entry; whether the worker hears of it is another rule."""
        revision = self.state.revision + 1
        held = HeldAssignment(revision=revision, record=record)
        there = {**self.state.assignments, key: held}
        self.state = self.state.model_copy(update={"revision": revision, "assignments": there, "stale": False})
        self.ever[key].append(held)

    @precondition(lambda self: self.state.assignments)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """An entry is taken away."""
        key = data.draw(st.sampled_from(sorted(self.state.assignments)))
        there = {k: held for k, held in self.state.assignments.items() if k != key}
        revision = self.state.revision + 1
        self.state = self.state.model_copy(update={"revision": revision, "assignments": there})

    @rule()
    def lose(self) -> None:
        """Redis is away."""
        self.state = self.state.model_copy(update={"stale": True})

    @rule()
    def hear(self) -> None:
        """The watcher tells, or a batch looks."""
        view = self.effective.hear(self.state)
        assert view.stale == self.state.stale
        assert view.revision == self.state.revision
        assert view.assignments.keys() <= self.state.assignments.keys(), "a removed key goes at once"
        for key, held in self.state.assignments.items():
            ready = all(self.book.settled(RECORDS[v].digest) for v in held.record.versions())
            if ready:
                assert view.assignments[key] == held, "what can be judged by is judged by"
            elif view.assignments.get(key) != self.seen.get(key):
                raise AssertionError("an entry that cannot be judged by came into force")

    @precondition(lambda self: self.book.loading)
    @rule(well=st.booleans())
    def all_loads_end(self, *, well: bool) -> None:
        """Nothing is under way any more."""
        for digest in sorted(self.book.loading):
            self.book.end(digest, well=well)

    @precondition(lambda self: self.book.loading)
    @rule(data=st.data(), how=st.sampled_from(["well", "badly", "hangs"]))
    def load_ends(self, data: st.DataObject, how: str) -> None:
        """One of the loads under way ends, in any order, or hangs for too long."""
        digest = data.draw(st.sampled_from(sorted(self.book.loading)))
        if how == "hangs":
            self.book.overdue(digest)
        else:
            self.book.end(digest, well=how == "well")

    @invariant()
    def holds(self) -> None:
        """What may be said of each key at any moment."""
        view = self.effective.now
        for key, held in view.assignments.items():
            assert held in self.ever[key], "made up"
            for version in held.record.versions():
                assert self.book.settled(RECORDS[version].digest), "neither loaded nor failed"
            before = self.seen.get(key)
            assert before is None or held.revision >= before.revision, "went back"
        for key, before in self.seen.items():
            now = view.assignments.get(key)
            assert now is not None or (self.effective.latest or self.state).assignments.get(key) != before
        self.seen = dict(view.assignments)

    @invariant()
    def keeps_what_judges(self) -> None:
        """What judges now, or may judge next, is wanted at its rank; a former champion at least as such."""
        latest = self.effective.latest
        for held in () if latest is None else (*self.effective.now.assignments.values(), *latest.assignments.values()):
            ranks = [self.book.wanted[RECORDS[version].digest].rank for version in held.record.warm()]
            assert ranks[0] == Rank.GATE
            assert all(rank >= Rank.FORMER for rank in ranks)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def snapshot(revision: int, **keys: Assignment) -> Snapshot:
    """A state; keyword `munich__line_1` is key `munich/line-1`."""
    texts = {PlaceKey.parse(key.replace("__", "/").replace("_", "-")).root: record for key, record in keys.items()}
    held = {key: HeldAssignment(revision=revision, record=record) for key, record in texts.items()}
    return Snapshot(revision=revision, assignments=held, versions=RECORDS)


def started(**keys: Assignment) -> tuple[Book, Effective]:
    """A worker that judges by these."""
    book = Book()
    effective = Effective(book)
    effective.hear(snapshot(1, **keys))
    for digest in list(book.loading):
        book.end(digest, well=True)
    return book, effective


def test_a_change_of_what_is_loaded_comes_into_force_at_once() -> None:
    """A rollback to the former champion, a share, a pause: at the next look, without a load."""
    book, effective = started(munich=Assignment(champion="v1", former="v0", canary=Canary(version="v2", percent=1)))
    for revision, record in enumerate(
        (
            Assignment(champion="v1", former="v0", canary=Canary(version="v2", percent=50)),
            Assignment(champion="v1", former="v0", canary=Canary(version="v2", percent=50, paused=True)),
            Assignment(champion="v0"),
        ),
        start=2,
    ):
        view = effective.hear(snapshot(revision, munich=record))
        assert view.assignments["munich/*/*/*/*"] == HeldAssignment(revision=revision, record=record)
    assert not book.loading


def test_a_new_key_leaves_its_parts_to_the_less_specific_one_until_it_can_judge() -> None:
    """And is awaited, not unknown, where there is no such key."""
    book, effective = started(munich=Assignment(champion="v0"))
    both = {"munich": Assignment(champion="v0"), "munich__line_1": Assignment(champion="v1")}
    resolved = effective.hear(snapshot(2, **both)).resolve(PLACE)
    assert resolved is not None
    assert (str(resolved.key), resolved.assignment.champion) == ("munich/*/*/*/*", "v0")
    book.end(RECORDS["v1"].digest, well=True)
    resolved = effective.now.resolve(PLACE)
    assert resolved is not None
    assert str(resolved.key) == "munich/line-1/*/*/*"

    _, other = started(puebla=Assignment(champion="v0"))
    assert not other.knows(PLACE)
    assert other.hear(snapshot(2, munich=Assignment(champion="v5"))).resolve(PLACE) is None
    assert other.knows(PLACE)


def test_what_was_taken_back_before_it_could_judge_never_judges() -> None:
    """The load that ends later changes nothing."""
    book, effective = started(munich=Assignment(champion="v0"))
    effective.hear(snapshot(2, munich=Assignment(champion="v1")))
    effective.hear(snapshot(3, munich=Assignment(champion="v2")))
    book.end(RECORDS["v1"].digest, well=True)
    assert effective.now.assignments["munich/*/*/*/*"].record.champion == "v0"
    book.end(RECORDS["v2"].digest, well=True)
    assert effective.now.assignments["munich/*/*/*/*"].record.champion == "v2"


def test_a_state_heard_late_changes_nothing() -> None:
    """The watcher's thread and a batch may bring two states in either order."""
    _, effective = started(munich=Assignment(champion="v0"))
    effective.hear(snapshot(3, munich=Assignment(champion="v0", shadow="v0")))
    view = effective.hear(snapshot(2))
    assert view.revision == 3
    assert view.assignments["munich/*/*/*/*"].revision == 3


def test_what_stands_in_for_a_failed_champion_is_kept_as_if_it_were_one() -> None:
    """It judges; it is no longer named by any entry."""
    book = Book()
    in_force = InForce()
    in_force.remember("munich/*/*/*/*", RECORDS["v0"])
    effective = Effective(book, in_force)
    effective.hear(snapshot(1, munich=Assignment(champion="v1")))
    assert RECORDS["v0"].digest not in book.wanted
    book.end(RECORDS["v1"].digest, well=False)
    assert book.wanted[RECORDS["v0"].digest].rank == Rank.GATE
