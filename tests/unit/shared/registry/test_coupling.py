"""A model that is served other crops than it was made for is told of."""

import pytest
from pydantic import ValidationError

from shared.crop_recipe import CropRecipe
from shared.registry.coupling import mismatches
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot

MADE_FOR = CropRecipe(height=192, width=320, reference="a" * 64)


def _snapshot(crop: CropRecipe | None, **stations: StationConfig) -> Snapshot:
    return Snapshot(
        revision=1,
        assignments={"munich/*/*/*/*": HeldAssignment(revision=1, record=Assignment(champion="v1", shadow="v2"))},
        stations={
            str(PlaceKey.parse(key.replace("_", "/"))): HeldStation(revision=1, record=record)
            for key, record in stations.items()
        },
        versions={"v1": VersionRecord(version="v1", digest="1" * 64, kind="padim", crop=crop)},
    )


def test_a_station_that_crops_as_in_training_is_fine() -> None:
    """Presence decides whether there is a crop, not what it looks like."""
    station = StationConfig(**MADE_FOR.model_dump(), presence=0.9)
    assert mismatches(Snapshot()) == []
    assert mismatches(_snapshot(MADE_FOR, munich=station)) == []
    assert mismatches(_snapshot(None, munich=StationConfig())) == []


def test_every_difference_is_named() -> None:
    """Size and reference, with the model's first."""
    (line,) = mismatches(_snapshot(MADE_FOR, munich=StationConfig(height=192, width=300)))
    assert "v1" in line
    assert "width: 320, 300" in line
    assert f"reference: {'a' * 12}, none" in line
    assert "height" not in line


def test_the_default_station_counts() -> None:
    """Where nothing is set, the default crops."""
    (line,) = mismatches(_snapshot(MADE_FOR))
    assert "(default)" in line


def test_a_station_below_the_assignment_counts() -> None:
    """A line with a policy of its own inside a plant whose assignment covers it."""
    good = StationConfig(**MADE_FOR.model_dump())
    snapshot = _snapshot(MADE_FOR, munich=good, munich_press=StationConfig(policy="full_frame"))
    (line,) = mismatches(snapshot)
    assert "munich/press" in line
    assert mismatches(snapshot, PlaceKey.parse("puebla")) == []
    assert mismatches(snapshot, PlaceKey.parse("munich/press")) == [line]


@pytest.mark.parametrize("policy", ["full_frame", "roi"])
def test_only_found_labels_are_registered(policy: str) -> None:
    """A fixed region needs none, and a full frame has no corners to move."""
    polygon = ((0, 0), (1, 0), (1, 1), (0, 1)) if policy == "roi" else None
    with pytest.raises(ValidationError, match="only policy mask_rcnn takes a reference"):
        CropRecipe.model_validate({"policy": policy, "polygon": polygon, "reference": "a" * 64})
