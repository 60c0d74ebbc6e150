"""Verdicts kept small, by plant and photo, and not too many."""

import sys

from services.labels.index import VerdictIndex
from shared.events import Judged
from tests.unit.services.labels.parts import verdict


def test_what_was_put_is_found() -> None:
    """With everything that a label needs, for each plant its own."""
    index = VerdictIndex(10)
    for plant, score in (("munich", 3.0), ("puebla", 1.0)):
        index.put(verdict("1", plant=plant, score=score))
    for plant, score in (("munich", 3.0), ("puebla", 1.0)):
        known, made = index.find(plant, "photo-1"), verdict("1", plant=plant, score=score)
        assert known is not None
        assert (known.part, known.place, known.captured) == (made.part, made.place, made.captured)
        assert known.judged == Judged.of(made)
    assert index.find("berlin", "photo-1") is None


def test_the_oldest_go_first() -> None:
    """And a verdict that came again is young again."""
    index = VerdictIndex(2)
    for name in ("1", "2", "1", "3"):
        index.put(verdict(name))
    assert len(index) == 2
    assert [index.find("munich", f"photo-{n}") is not None for n in "123"] == [True, False, True]


def test_what_verdicts_share_is_kept_once() -> None:
    """Place and model of a thousand verdicts are two objects."""
    index = VerdictIndex(1000)
    for number in range(1000):
        index.put(verdict(str(number), score=float(number)))
    entries = list(index._entries.values())
    assert len({id(entry.place) for entry in entries}) == 1
    assert len({id(entry.model) for entry in entries}) == 1
    # What the settings' page promises, without the interpreter's overhead per dictionary entry of some 100 bytes.
    own = [
        sys.getsizeof(e) + sys.getsizeof(e.part) + sys.getsizeof(e.score) + sys.getsizeof(e.captured) for e in entries
    ]
    assert sum(own) / 1000 < 300
