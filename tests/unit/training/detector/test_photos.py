"""The shipped detector on real photos beside the checkout; skipped where they are absent."""

import os
from pathlib import Path

import pytest

from shared.models.detector import LabelDetector
from training.detector.evaluate import locate, rates, read_split

_DATA = Path(os.environ.get("LINEGATE_DATA", Path(__file__).parents[5] / "shared" / "data"))


@pytest.mark.photos
def test_shipped_weights_find_real_labels() -> None:
    """On every tenth develop photo the VIN lies inside the label found, mostly; a quarter are windscreen strips."""
    folder = _DATA / "vin_photos" / "develop"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}; set LINEGATE_DATA")
    photos = list(read_split(folder))[::10]
    found = rates(locate(LabelDetector.load(), photos))
    assert found.contained > 0.7
    assert found.contained_text > 0.78
