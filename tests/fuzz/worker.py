"""The process that fuzz inputs are given to: `python -m tests.fuzz.worker MODULE START STOP STEP MEMORY_MIB CPU_S`.

`MODULE` offers `case(index) -> bytes-like or record`, `check(case) -> outcome`, and may offer `warm_up()`. For each
index one line says that it begins and one how it ended, so that whoever reads knows what killed this process. Memory
is counted as address space, so that a reservation counts too and nothing is hidden by a decoder that survives a
refused one; processor time is limited by a signal that ends the process, also inside C.
"""

import importlib
import mmap
import os
import resource
import signal
import sys
from pathlib import Path

MIB = 1024 * 1024
SPARE_MIB = 1024
"""Above the ceiling the kernel refuses: the finding is the ceiling, this only protects the machine."""


def _address_space(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field + ":"))


def main(module: str, cases: range, *, memory_mib: int, cpu_s: float) -> int:
    """Run the cases; ends early, with status 3, at the first one that passes the memory ceiling."""
    target = importlib.import_module(module)
    getattr(target, "warm_up", lambda: None)()
    # The start-up's peak would hide a growth below it: fill the gap, so that all growth shows.
    gap = _address_space("VmPeak") - _address_space("VmSize")
    filler = mmap.mmap(-1, gap) if gap else None
    ceiling = _address_space("VmSize") + memory_mib * MIB
    resource.setrlimit(resource.RLIMIT_AS, (ceiling + SPARE_MIB * MIB,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for index in cases:
        sys.stdout.write(f"begin\t{index}\n")
        sys.stdout.flush()
        case = target.case(index)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        try:
            outcome = target.check(case)
        except BaseException as error:  # noqa: BLE001 - whatever comes out is a finding
            outcome = "fault\t" + " ".join(f"{type(error).__name__}: {error}".split())
        signal.setitimer(signal.ITIMER_PROF, 0)
        if _address_space("VmPeak") > ceiling:
            outcome = f"fault\tmore than {memory_mib} MiB"
        sys.stdout.write(f"end\t{index}\t{outcome}\n")
        sys.stdout.flush()
        if outcome.startswith("fault\tmore than"):
            return 3  # the peak stays: only a fresh process can judge the next case
    del filler
    return 0


if __name__ == "__main__":
    name, start, stop, step, memory, cpu = sys.argv[1:]
    # Not the usual way out: the ceiling may stand in the way of an orderly end.
    os._exit(main(name, range(int(start), int(stop), int(step)), memory_mib=int(memory), cpu_s=float(cpu)))
