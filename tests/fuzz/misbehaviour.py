"""Cases that do what no input may do: each must be found, or finding nothing would mean nothing."""

import ctypes

import numpy as np

KINDS = ("nothing", "crash", "exception", "time", "memory", "reserved memory", "exit", "nothing")


def case(index: int) -> str:
    """What to do."""
    return KINDS[index]


def check(kind: str) -> str:
    """Do it."""
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "exception":
        raise KeyError("unexpected")
    while kind == "time":
        pass
    if kind == "memory":
        np.ones(150 * 1024 * 1024, dtype=np.uint8)
    if kind == "reserved memory":
        np.empty(150 * 1024 * 1024, dtype=np.uint8)
    if kind == "exit":
        raise SystemExit(1)
    return "accepted\t"
