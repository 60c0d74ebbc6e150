"""The split: shares, strata, groups, seeds."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.sample import DataRejected, Sample
from training.data.split import SCHEMES, Split, split


def _samples(good: int, damaged: int, defects: int = 3) -> list[Sample]:
    return [
        Sample(
            name=f"{i:05d}",
            source=lambda: b"",
            label="good" if i < good else "damaged",
            defect="" if i < good else f"defect {i % defects}",
            layout=f"layout-{i % 4}",
        )
        for i in range(good + damaged)
    ]


def _folds(made: Split) -> tuple[tuple[Sample, ...], ...]:
    return made.train, made.calibration, made.test


def _count(samples: tuple[Sample, ...], *, damaged: bool) -> int:
    return sum(sample.damaged == damaged for sample in samples)


def test_the_study_split_gives_the_study_numbers() -> None:
    """2703 good and 970 damaged divide as published, to within a part: 1892 / 405 + 824 / 406 + 146."""
    made = split(_samples(2703, 970), SCHEMES["study"], seed=0)
    counts = [(_count(fold, damaged=False), _count(fold, damaged=True)) for fold in _folds(made)]
    for found, published in zip(counts, [(1892, 0), (405, 824), (406, 146)], strict=True):
        assert found == pytest.approx(published, abs=1)


@given(st.integers(2, 120), st.integers(0, 60), st.sampled_from(list(SCHEMES)), st.integers(0, 5))
def test_every_sample_once_and_shares_kept(good: int, damaged: int, scheme: str, seed: int) -> None:
    """Nothing is lost or doubled, and each label's shares hold to within two samples."""
    samples = _samples(good, damaged)
    shares = SCHEMES[scheme]  # type: ignore[index]  # drawn from its own keys
    made = split(samples, shares, seed=seed)
    assert sorted(s.name for fold in _folds(made) for s in fold) == [s.name for s in samples]
    for is_damaged, share, total in ((False, shares.good, good), (True, shares.damaged, damaged)):
        for fold, wanted in zip(_folds(made), share, strict=True):
            assert abs(_count(fold, damaged=is_damaged) - wanted * total) < 2


@given(st.lists(st.integers(1, 5), min_size=6, max_size=40), st.integers(0, 3))
def test_a_part_never_straddles(sizes: list[int], seed: int) -> None:
    """All photos of a part share a fold, also when one of them is damaged."""
    samples = [
        Sample(f"{part}-{i}", lambda: b"", "damaged" if part % 3 == 0 and i == 0 else "good", part=str(part))
        for part, size in enumerate(sizes)
        for i in range(size)
    ]
    made = split(samples, SCHEMES["half"], seed=seed)
    where: dict[str | None, set[int]] = {}
    for index, fold in enumerate(_folds(made)):
        for sample in fold:
            where.setdefault(sample.part, set()).add(index)
    assert all(len(folds) == 1 for folds in where.values())
    assert not any(sample.damaged for sample in made.train)


def test_strata_spread_evenly() -> None:
    """Every layout and every defect appears in its share, not by luck of the draw."""
    made = split(_samples(400, 120), SCHEMES["half"], seed=3)
    layouts = Counter(sample.layout for sample in made.test if not sample.damaged)
    assert layouts.keys() == {f"layout-{i}" for i in range(4)}
    assert all(abs(count - 15) <= 2 for count in layouts.values())
    defects = Counter(sample.defect for sample in made.test if sample.damaged)
    assert all(abs(count - 20) <= 2 for count in defects.values())


def test_seed_decides_and_input_order_does_not() -> None:
    """The same seed gives the same split whatever the order of the files; another seed another."""
    samples = _samples(60, 20)
    first = split(samples, SCHEMES["half"], seed=1)
    assert split(samples[::-1], SCHEMES["half"], seed=1) == first
    assert split(samples, SCHEMES["half"], seed=2) != first


def test_a_fixed_fold_is_kept() -> None:
    """What the data set calls test is tested on; `development` is divided between train and calibration only."""
    samples = [replace(s, fold="test" if i % 4 == 0 else "development") for i, s in enumerate(_samples(100, 0))]
    made = split(samples, SCHEMES["half"], seed=0)
    assert all(sample.fold == "test" for sample in made.test)
    assert len(made.test) == 25
    assert len(made.calibration) == pytest.approx(75 * 0.15 / 0.85, abs=1)


def test_impossible_splits_are_refused() -> None:
    """Nothing good to train on, or one part fixed to two folds."""
    with pytest.raises(DataRejected, match="no good photos"):
        split(_samples(0, 5), SCHEMES["half"], seed=0)
    torn = [Sample(str(i), lambda: b"", "good", part="p", fold="train" if i else "test") for i in range(2)]
    with pytest.raises(DataRejected, match="different folds"):
        split(torn, SCHEMES["half"], seed=0)
