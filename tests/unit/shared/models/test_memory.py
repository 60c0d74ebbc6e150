"""A batch that does not fit is halved, the size is remembered, and grows back."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
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


@settings(max_examples=20)  # each failed attempt collects all garbage, which takes a moment beside torch
@given(st.integers(0, 40), st.integers(1, 40))
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
import resource
import numpy as np, torch
torch.set_num_threads(1)
from shared.models.extractor import ExtractorPool
from shared.models.memory import MemoryRoom
from shared.models.spec import ExtractorSpec, InputSpec, WeightsSpec
from tests.unit.faults import Told

SIDE = 512
spec = ExtractorSpec(weights=WeightsSpec(source="random:0"), input=InputSpec(height=SIDE, width=SIDE))
extractor = ExtractorPool("cpu").get(spec)
random = np.random.default_rng(0)
images = [random.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(6)]

def means(part):
    sizes.append(len(part))
    return [float(mean) for mean in extractor(part).maps[0].mean(dim=(1, 2, 3))]

sizes = []
alone = [means([images[n]])[0] for n in (0, 5)]
sizes.clear()
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
# Room for a few pictures more than are there now, not for six.
resource.setrlimit(resource.RLIMIT_AS, (now + 150 * 2**20,) * 2)
told = Told()
room = MemoryRoom(told)
together = room.map(images, means)
print(sizes)
np.testing.assert_allclose([together[0], together[5]], alone, rtol=1e-5)
assert sizes[0] == 6 and room.limit is not None, sizes
assert told.kinds == ["out_of_memory"], told.kinds
print(told.open[0].detail)
"""


def test_a_real_backbone_in_a_process_with_little_memory() -> None:
    """Torch's allocator really refuses six pictures at once: fewer fit, and every answer is that of one alone."""
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", _LITTLE_MEMORY], cwd=root, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "allocate memory" in done.stdout
