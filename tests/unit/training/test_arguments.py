"""The command line's small languages."""

from datetime import UTC, datetime

import pytest

from training.arguments import ArgumentRejected, model_options, narrowed, place_key, threshold_rule, version_name
from training.data.sample import Sample
from training.data.source import DataSet

WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def test_rules_with_and_without_a_number() -> None:
    """The number is optional; nothing at all means the default rule."""
    assert threshold_rule(None) == (None, None)
    assert threshold_rule("mean_sd") == ("mean_sd", None)
    assert threshold_rule("precision=0.996") == ("precision", 0.996)
    with pytest.raises(ArgumentRejected, match="no rule 'magic'"):
        threshold_rule("magic=1")
    with pytest.raises(ArgumentRejected, match="'x' is no number"):
        threshold_rule("mean_sd=x")


def test_options_are_json_or_text() -> None:
    """Numbers, booleans and null are what they look like; everything else is text."""
    assert model_options(["k=3", "average_pool=false", "channels=null", "scoring=max"]) == {
        "k": 3,
        "average_pool": False,
        "channels": None,
        "scoring": "max",
    }
    for wrong, message in ((["k"], "not key=value"), (["=1"], "not key=value"), (["k=1", "k=2"], "given twice")):
        with pytest.raises(ArgumentRejected, match=message):
            model_options(wrong)


def test_version_names() -> None:
    """A made-up name is one the registry takes, whatever the folder is called."""
    assert version_name(None, "Schilder (neu)/Ä", "padim", WHEN) == "schilder-neu-padim-20260304-0506"
    assert version_name(None, "///", "padim", WHEN) == "model-padim-20260304-0506"
    assert version_name(version_name(None, "x" * 300, "patchcore", WHEN), "", "", WHEN).startswith("x" * 60)
    with pytest.raises(ArgumentRejected, match="'No Spaces' is no version name"):
        version_name("No Spaces", "", "", WHEN)


def test_places() -> None:
    """Missing fields are wildcards; nonsense is refused with the form in the hint."""
    assert place_key(None) is None
    assert str(place_key("munich/line-1")) == "munich/line-1/*/*/*"
    with pytest.raises(ArgumentRejected, match="is no place") as caught:
        place_key("Munich//x")
    assert "plant/line" in str(caught.value.hint)


def test_narrowing_to_layouts_and_cameras() -> None:
    """Filters combine; when nothing is left, the hint tells what there is."""
    data = DataSet("d", tuple(Sample(f"{n}", lambda: b"", "good", layout=n) for n in ("us", "cn")))
    assert [s.layout for s in narrowed(data, ["us"], []).samples] == ["us"]
    assert narrowed(data, [], []).samples == data.samples
    with pytest.raises(ArgumentRejected, match="no photos") as caught:
        narrowed(data, ["us"], ["mobile"])
    assert caught.value.hint == "there are: cn/stationary, us/stationary"
