"""Ten thousand malformed pictures: each is a picture within the limits, or refused with a reason; nothing else ever."""

import pytest

from tests.fuzz import bombs, large, misbehaviour, pictures
from tests.fuzz.isolation import run
from tests.fuzz.seeds import seeds

COUNT = 10_000
CPU_S = 2.0
"""Processor time per picture of at most a million pixels, under whatever load: a hard limit, not a measurement."""


@pytest.mark.timeout(1200)  # a machine under load must not fail it; each picture has a limit of its own
def test_malformed_pictures_are_decoded_or_refused() -> None:
    """No other exception, no crash, no warning, bounded memory and time."""
    report = run("tests.fuzz.pictures", range(COUNT), memory_mib=pictures.MEMORY_MIB, cpu_s=CPU_S)
    assert report.faults == {}
    assert sum(report.outcomes.values()) == COUNT
    # Neither a decoder that refuses everything nor mutations that change nothing would pass.
    assert report.outcomes["accepted"] > COUNT // 20
    assert report.outcomes["rejected"] > COUNT // 2
    assert len(report.reasons) > 100


def test_known_bombs_are_refused_cheaply() -> None:
    """Within a fraction of what they cost a decoder that believes them; the memory holds the file itself, too."""
    report = run("tests.fuzz.bombs", range(len(bombs.NAMES)), memory_mib=512, cpu_s=3.0)
    assert {bombs.NAMES[index]: told for index, told in report.faults.items()} == {}
    assert report.outcomes == {"rejected": len(bombs.NAMES)}, report.reasons


def test_the_largest_pictures_keep_to_the_promised_memory() -> None:
    """32 bytes a pixel and 100 MiB, whatever the format; and (the control) not within a quarter of that."""
    kept = run("tests.fuzz.large", range(len(large.KINDS)), memory_mib=large.MEMORY_MIB, cpu_s=30.0)
    assert {large.KINDS[index]: told for index, told in kept.faults.items()} == {}
    assert kept.outcomes == {"accepted": len(large.KINDS)}, kept.reasons
    assert run("tests.fuzz.large", range(1), memory_mib=large.MEMORY_MIB // 4, cpu_s=30.0).faults


def test_the_seeds_are_what_they_seem() -> None:
    """Most are accepted, so that a mutation's refusal is due to the mutation."""
    outcomes = {name: pictures.check(data).partition("\t")[0] for name, data in seeds().items()}
    refused = {name for name, outcome in outcomes.items() if outcome == "rejected"}
    assert refused == {
        "apng", "bmp rle8", "gif", "ico", "jpeg 2000", "ppm", "tiff float", "tiff lzma", "tiff pages", "tiff zstd",
        "webp animated",
    }  # fmt: skip


def test_misbehaviour_is_found() -> None:
    """The negative control of the limits: a crash, an exception, a loop and memory, each named by its case."""
    report = run("tests.fuzz.misbehaviour", range(len(misbehaviour.KINDS)), memory_mib=100, cpu_s=1.0)
    found = {misbehaviour.KINDS[index]: told for index, told in report.faults.items()}
    assert found == {
        "crash": "died: SIGSEGV",
        "exception": "KeyError: 'unexpected'",
        "time": "too much processor time",
        "memory": "more than 100 MiB",
        "reserved memory": "more than 100 MiB",
        "exit": "SystemExit: 1",
    }
    assert report.outcomes == {"accepted": 2}


@pytest.mark.parametrize("index", range(3))
def test_a_case_is_the_same_again(index: int) -> None:
    """A finding can be looked at: the number is the input."""
    assert pictures.case(index) == pictures.case(index)
