"""Layouts and the rendering of clean labels."""

import numpy as np
import pytest

from training.studio import fields, label, symbols
from training.studio.layouts import LAYOUTS


def test_there_are_seven_countries_and_the_rest_of_the_world() -> None:
    """The study's eight layouts stand under their slugs."""
    assert len(LAYOUTS) == 8
    assert "row" in LAYOUTS
    assert all(slug == layout.slug for slug, layout in LAYOUTS.items())


@pytest.mark.parametrize("slug", LAYOUTS)
def test_layout_is_elongated_as_real_labels_are(slug: str) -> None:
    """Aspect ratios stay between 1.4 and 2.4."""
    layout = LAYOUTS[slug]
    assert 1.4 <= layout.width / layout.height <= 2.4


@pytest.mark.parametrize("slug", LAYOUTS)
@pytest.mark.parametrize("seed", range(5))
def test_lettering_stays_on_the_label(slug: str, seed: int) -> None:
    """No ink falls on the outermost half millimetre, whatever the fields say."""
    drawn = label.render(LAYOUTS[slug], fields.draw(np.random.default_rng(seed)))
    rim = round((label.PAD_MM + 0.5) * drawn.scale)
    assert drawn.ink[rim:-rim, rim:-rim].max() == 255
    inner = np.zeros(drawn.ink.shape, np.bool_)
    inner[rim:-rim, rim:-rim] = True
    assert not drawn.ink[~inner].any()


def test_texts_differ_between_parts() -> None:
    """Two parts of one layout carry different VINs, so their ink differs."""
    first, second = (label.render(LAYOUTS["row"], fields.draw(np.random.default_rng(s))) for s in (0, 1))
    assert first.ink.shape == second.ink.shape
    assert (first.ink != second.ink).any()


def test_corners_frame_the_silhouette() -> None:
    """The silhouette fills the rectangle between the corners but for the rounded corners."""
    drawn = label.render(LAYOUTS["us"], fields.draw(np.random.default_rng(0)))
    left, top = drawn.corners[0].astype(int)
    right, bottom = drawn.corners[2].astype(int)
    inside = drawn.silhouette[top:bottom, left:right]
    assert 0.99 < (inside > 127).mean() < 1
    assert int(drawn.silhouette.sum()) == int(inside.sum())


def test_code39_frames_text_with_stars() -> None:
    """A symbol starts and ends with the same start/stop pattern: 12 narrow and 3 wide minus the last gap."""
    modules = symbols.code39("A")
    star = "".join("1" if m else "0" for m in symbols.code39("")[:15])
    drawn = "".join("1" if m else "0" for m in modules)
    assert star == "100010111011101"
    assert drawn.startswith(star)
    assert drawn.endswith(star)
    assert len(modules) == 3 * 16 - 1
