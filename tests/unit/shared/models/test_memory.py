"""A batch that does not fit is halved, the size is remembered, and grows back."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.models.memory import MemoryRoom, is_memory_error
from tests.unit.faults import Told


class Card:
    """A device on which at most `fits` items fit at once."""

    def __init__(self, fits: int, error: Exception | None = None) -> None:
        self.fits = fits
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        self.sizes: list[int] = []

    def double(self, items: Sequence[int]) -> list[int]:
        """Twice each item."""
        self.sizes.append(len(items))
        if len(items) > self.fits:
            raise self.error
        return [2 * item for item in items]


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@given(st.integers(0, 70), st.integers(1, 70))
def test_every_item_gets_its_own_result_in_order(count: int, fits: int) -> None:
    """Whatever the sizes."""
    assert MemoryRoom().map(list(range(count)), Card(fits).double) == [2 * item for item in range(count)]


def test_halved_remembered_and_grown_back() -> None:
    """The next batch starts at what fitted; after a while twice as many are tried; the fault is over with the whole."""
    told, clock = Told(), Clock()
    room, card = MemoryRoom(told, name="scoring", hold_s=60, clock=clock), Card(fits=5)
    items = list(range(16))
    room.map(items, card.double)
    assert card.sizes == [16, 8, 4, 4, 4, 4]
    assert (room.limit, told.kinds, told.open[0].severity) == (4, ["out_of_memory"], "error")
    card.sizes.clear()
    room.map(items, card.double)
    assert card.sizes == [4, 4, 4, 4]
    card.sizes.clear()
    clock.now = 60.0
    room.map(items, card.double)
    assert card.sizes == [8, 4, 4, 4, 4], "one try, then back to what fits"
    card.fits = 16
    for minute in range(2, 5):
        clock.now = 60.0 * minute
        room.map(items, card.double)
    assert room.limit is None
    assert told.changes == [("raised", "out_of_memory"), ("cleared", "out_of_memory")]
    card.sizes.clear()
    room.map(items, card.double)
    assert card.sizes == [16]


def test_small_batches_grow_back_too() -> None:
    """A line that sends one part at a time never sees the full batch again, and is not left in fear of it."""
    told, clock = Told(), Clock()
    room, card = MemoryRoom(told, hold_s=60, clock=clock), Card(fits=1)
    room.map([1, 2, 3, 4], card.double)
    for minute in range(1, 6):
        clock.now = 60.0 * minute
        room.map([1], card.double)
    assert room.limit is None
    assert told.open == []


def test_one_item_that_does_not_fit_is_our_fault() -> None:
    """It is raised: the loop aborts, nothing is lost; and it is told as critical."""
    told = Told()
    with pytest.raises(torch.OutOfMemoryError):
        MemoryRoom(told).map([1, 2, 3], Card(fits=0).double)
    assert [(report.kind, report.severity) for report in told.open] == [("out_of_memory", "critical")]


def test_another_error_is_not_swallowed() -> None:
    """A bug is not tried again in halves."""
    card = Card(fits=0, error=RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        MemoryRoom().map([1, 2, 3, 4], card.double)
    assert card.sizes == [4]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_what_counts_as_lack_of_memory(error: Exception, memory: bool) -> None:
    """Only a failed allocation does: an illegal access leaves a device that must be given up."""
    assert is_memory_error(error) is memory


_LITTLE_MEMORY = """
import resource, sys
import numpy as np, torch
torch.set_num_threads(1)
from shared.models.memory import MemoryRoom
from tests.unit.faults import Told

SIDE = 512
def blur(images):
    # 64 channels of 512 x 512 float32 for each picture: 64 MiB each.
    batch = torch.stack([torch.full((1, SIDE, SIDE), float(image)) for image in images])
    wide = batch.expand(-1, 64, -1, -1).contiguous()
    return [float(row.mean()) for row in wide]

blur([0.0])
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
# Room for about six more pictures than are there now.
resource.setrlimit(resource.RLIMIT_AS, (now + 448 * 2**20, now + 448 * 2**20))
told = Told()
room = MemoryRoom(told)
assert room.map([float(n) for n in range(16)], blur) == [float(n) for n in range(16)]
assert room.limit is not None and 1 <= room.limit < 8, room.limit
assert told.kinds == ["out_of_memory"], told.kinds
print(told.open[0].detail)
"""


def test_a_real_allocation_that_fails_on_the_cpu() -> None:
    """A process with little address space left: torch's allocator refuses, halves fit, every answer is right."""
    done = subprocess.run(
        [sys.executable, "-c", _LITTLE_MEMORY],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "allocate memory" in done.stdout
