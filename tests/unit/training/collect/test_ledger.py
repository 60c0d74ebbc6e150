"""Which parts are good to train on."""

from datetime import timedelta
from typing import Any

import pytest

from shared.events import Fallback, Judged, LabelledPart, ShadowVerdict, Verdict, label_of
from shared.registry.place_key import PlaceKey
from tests.unit.services.events import CAPTURED
from tests.unit.services.labels.parts import STAMP, verdict
from training.collect.ledger import Ledger, Selection

SINCE = CAPTURED - timedelta(days=7)
KEY = PlaceKey.parse("munich/line-1")


def passed(name: str, **more: Any) -> Verdict:
    """A verdict that let a part pass."""
    return verdict(name, **({"score": 1.0, "time": CAPTURED} | more))


def labelled(name: str, finding: str, **more: Any) -> LabelledPart:
    """What a person found on that photo."""
    said = verdict(name, score=1.0 if finding in ("missed_damage", "confirmed_good") else 3.0)
    fields = said.model_dump(include={"image", "part", "plant", "line", "station", "layout", "camera", "captured"})
    own = {"finding": finding, "label": label_of(finding), "by": "ada", "feedback": f"f-{name}"}  # type: ignore[arg-type]  # checked by the event
    return LabelledPart.model_validate(fields | own | {"judged": Judged.of(said)} | more)


def shadow(name: str, **more: Any) -> ShadowVerdict:
    """A shadow would have rejected it."""
    return ShadowVerdict.model_validate(verdict(name, **more).model_dump())


def selected(*events: Verdict | LabelledPart, most: int | None = None, all_photos: bool = False) -> Selection:
    """What a ledger of these events selects."""
    ledger = Ledger(KEY, SINCE)
    for event in events:
        if isinstance(event, LabelledPart):
            ledger.label(event)
        else:
            ledger.verdict(event)
    return ledger.select(most=most, all_photos=all_photos)


def images(selection: Selection) -> dict[str, str]:
    """Label by photo."""
    return {photo.image: photo.label for photo in selection.photos}


def test_what_passed_and_nothing_speaks_against_is_good() -> None:
    """With what the manifest says of it."""
    selection = selected(passed("1"))
    (photo,) = selection.photos
    assert (photo.image, photo.part, photo.layout, photo.camera) == ("photo-1", "P1", "us", "stationary")
    assert (photo.label, photo.finding, photo.time) == ("good", "", CAPTURED.timestamp())


@pytest.mark.parametrize(
    "against",
    [
        verdict("1", image="again", time=CAPTURED),
        verdict("1", image="long ago", time=SINCE - timedelta(days=30)),
        verdict("1", image="elsewhere", line="line-2"),
        shadow("1"),
        shadow("1", image="other", line="line-2"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_part_that_was_ever_rejected_is_left_out(against: Verdict, first: bool) -> None:
    """By any verdict in its plant, whenever that was and in whatever order it comes."""
    events = [against, passed("1")] if first else [passed("1"), against]
    selection = selected(*events, passed("2"))
    assert images(selection) == {"photo-2": "good"}
    kind = "shadow verdict" if isinstance(against, ShadowVerdict) else "verdict"
    assert selection.excluded == {kind: 1}


def test_a_part_of_another_plant_is_another_part() -> None:
    """Senders name parts."""
    abroad = verdict("1", plant="puebla")
    assert images(selected(passed("1"), abroad)) == {"photo-1": "good"}


@pytest.mark.parametrize(
    "unwanted",
    [
        passed("1", line="line-2"),
        passed("1", time=SINCE - timedelta(seconds=1)),
        passed("1", model=STAMP.model_copy(update={"arm": "canary"})),
        passed("1", model=STAMP.model_copy(update={"fallback": Fallback(assigned="v9", arm="champion", reason="x")})),
        shadow("1", score=1.0, time=CAPTURED),
    ],
)
def test_only_the_champions_word_at_the_place_counts(unwanted: Verdict) -> None:
    """Not a canary's, a stand-in's or a shadow's, not from elsewhere, not from before."""
    assert images(selected(unwanted)) == {}


def test_who_looked_has_the_last_word() -> None:
    """A false alarm is a good part though it was rejected, and what passed may be damaged."""
    selection = selected(
        verdict("1", time=CAPTURED), labelled("1", "false_alarm"),
        passed("2"), labelled("2", "missed_damage"),
        verdict("3", time=CAPTURED), labelled("3", "confirmed_damage"),
        passed("4"), labelled("4", "confirmed_good"),
        passed("5"), labelled("5", "missed_damage"), labelled("5", "confirmed_good"),
    )  # fmt: skip
    good = dict.fromkeys(("photo-1", "photo-4", "photo-5"), "good")
    assert images(selection) == good | {"photo-2": "damaged", "photo-3": "damaged"}
    assert {photo.finding for photo in selection.photos if photo.label == "damaged"} == {
        "missed_damage",
        "confirmed_damage",
    }


def test_damage_on_one_photo_spoils_all_photos_of_the_part() -> None:
    """Also one that somebody called good."""
    selection = selected(
        passed("1"),
        passed("1", image="second"),
        labelled("1", "missed_damage", image="third"),
        labelled("1", "confirmed_good", image="fourth"),
    )
    assert images(selection) == {"third": "damaged"}
    assert selection.excluded == {"feedback": 1}


def test_the_gravest_word_against_a_part_is_kept() -> None:
    """A person's over a verdict's over a shadow's: what a rejected part's other photo is called depends on it."""
    assert selected(passed("1"), shadow("1"), verdict("1", image="b")).excluded == {"verdict": 1}
    assert selected(passed("1"), verdict("1", image="b"), shadow("1")).excluded == {"verdict": 1}
    rejected = verdict("1", time=CAPTURED)
    said = (labelled("1", "confirmed_damage"), labelled("1", "confirmed_good", image="second"))
    assert images(selected(rejected, *said)) == {"photo-1": "damaged"}


def test_labels_from_elsewhere_or_long_ago_are_no_photos_of_ours() -> None:
    """But damage counts against the part all the same."""
    old = labelled("1", "missed_damage", captured=SINCE - timedelta(days=1), image="old")
    assert images(selected(passed("1"), old)) == {}
    assert images(selected(labelled("2", "confirmed_good", line="line-2"))) == {}


def test_one_photo_a_part_unless_all_are_wanted() -> None:
    """The latest; a photo that somebody looked at stands for its part."""
    events = [
        passed("1", image="early", time=CAPTURED - timedelta(hours=1)),
        passed("1", image="late"),
        passed("2", image="passed"),
        labelled("2", "confirmed_good", image="looked at"),
    ]
    assert images(selected(*events)).keys() == {"late", "looked at"}
    assert images(selected(*events, all_photos=True)).keys() == {"early", "late", "passed", "looked at"}


def test_most_is_of_those_that_only_passed() -> None:
    """Labels are too dear to leave out."""
    events = [passed(str(n), time=CAPTURED + timedelta(minutes=n)) for n in range(20)]
    selection = selected(*events, labelled("x", "confirmed_good"), labelled("y", "confirmed_damage"), most=5)
    assert len(selection.photos) == 7
    assert selection.counts["of these taken"] == 5
