"""What good crops show alike is learnt from them, or it is said that there is nothing."""

import numpy as np

from shared.registration_reference import pack
from tests.unit.shared.labels import HEIGHT, WIDTH, label, learnt, off
from training.reference import FEWEST, learn, spread, views_of


def test_good_labels_agree() -> None:
    """All twelve register to what they have in common."""
    made = learnt()
    assert made.registered == made.crops == 12
    assert made.correlation > 0.9


def test_the_same_crops_give_the_same_reference() -> None:
    """To the last byte, since its digest names it."""
    photos = [label(seed) for seed in range(100, 100 + FEWEST)]
    views = views_of(((photo.image, off(photo.polygon, i)) for i, photo in enumerate(photos)), HEIGHT, WIDTH)
    first, second = (learn(views, HEIGHT, WIDTH).reference for _ in range(2))
    assert first is not None
    assert second is not None
    assert pack(first, {}) == pack(second, {})


def test_two_layouts_have_no_reference_in_common() -> None:
    """Half the crops would lie beside it: none is better."""
    photos = [label(seed, layout=layout) for seed in range(100, 106) for layout in ("us", "gb")]
    made = learn(views_of(((photo.image, photo.polygon) for photo in photos), HEIGHT, WIDTH), HEIGHT, WIDTH)
    assert made.reference is None
    assert made.registered < made.crops


def test_too_few_crops_have_none() -> None:
    """Of a handful nobody can say what differs part by part."""
    photo = label(100)
    assert (
        learn(views_of([(photo.image, photo.polygon)] * (FEWEST - 1), HEIGHT, WIDTH), HEIGHT, WIDTH).reference is None
    )


def test_progress_counts_to_its_end() -> None:
    """Never beyond its total."""
    told: list[tuple[int, int | None]] = []
    noise = np.random.default_rng(0).integers(0, 255, (100, 160, 3), dtype=np.uint8)
    corners = np.array([(10, 10), (150, 10), (150, 90), (10, 90)], np.float32)
    views = views_of([(noise, corners)] * FEWEST, 64, 96)
    learn(views, 64, 96, progress=lambda _, done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert all(total is not None and done <= total for done, total in told)


def test_few_of_many_are_evenly_spread() -> None:
    """First and last among them, none twice."""
    assert spread(0, 5) == []
    assert spread(3, 5) == [0, 1, 2]
    assert spread(100, 3) == [0, 50, 99]
