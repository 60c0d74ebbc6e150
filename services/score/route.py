"""Which versions judge a part. Pure: the same part and assignment always route alike, so a replay does too."""

import hashlib
from dataclasses import dataclass

from shared.events import Arm
from shared.registry.records import Assignment

_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """The version that gates this part, its arm, and the version that only watches."""

    version: str
    arm: Arm
    shadow: str | None


def route(assignment: Assignment, part: str) -> Route:
    """Send a stable share of the parts to the canary.

    A trial that is paused leaves all parts to the champion. The hash is salted with the canary's version, so that two
    trials after each other do not hit the same parts.
    """
    canary = assignment.canary
    if canary is not None and not canary.paused and _bucket(part, canary.version) < canary.percent * _BUCKETS / 100:
        return Route(canary.version, "canary", assignment.shadow)
    return Route(assignment.champion, "champion", assignment.shadow)


def _bucket(part: str, salt: str) -> int:
    digest = hashlib.sha256(f"{salt}\0{part}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BUCKETS
