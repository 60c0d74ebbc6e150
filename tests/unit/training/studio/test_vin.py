"""VINs of the studio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.studio import vin


@pytest.mark.parametrize("known", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"])
def test_published_vins_are_valid(known: str) -> None:
    """VINs published as examples of the check digit pass."""
    assert vin.is_valid(known)


@given(st.integers(0, 2**32))
def test_generated_vins_are_valid(seed: int) -> None:
    """Every generated VIN has 17 allowed characters and the right check digit."""
    made = vin.generate(np.random.default_rng(seed))
    assert len(made) == 17
    assert set(made) <= set(vin.ALPHABET)
    assert vin.is_valid(made)


@given(st.integers(0, 2**32), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16]), st.data())
def test_a_changed_digit_is_noticed(seed: int, place: int, data: st.DataObject) -> None:
    """Changing one digit to another always breaks the check digit: no weight is a multiple of 11."""
    made = vin.generate(np.random.default_rng(seed))
    if not made[place].isdigit():
        return
    other = data.draw(st.sampled_from([c for c in "0123456789" if c != made[place]]))
    assert not vin.is_valid(made[:place] + other + made[place + 1 :])


@pytest.mark.parametrize(("bad", "why"), [("1M8GDM9AXKP04278", "17 characters"), ("IM8GDM9AXKP042788", "'I' is not")])
def test_check_digit_says_what_is_wrong(bad: str, why: str) -> None:
    """A malformed VIN is refused with its fault named."""
    with pytest.raises(ValueError, match=why):
        vin.check_digit(bad)
    assert not vin.is_valid(bad)
