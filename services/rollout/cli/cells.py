"""How the registry's parts are written in the cells of a table."""

from collections.abc import Mapping
from typing import TypeVar

from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, Canary, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot
from shared.registry.stages import stages

HeldT = TypeVar("HeldT", HeldAssignment, HeldStation)


def roles(record: Assignment) -> tuple[str, str, str, str]:
    """Champion, canary, shadow and former."""
    return record.champion, _canary(record.canary), record.shadow or "", record.former or ""


def one_line(record: Assignment) -> str:
    """All roles that are taken."""
    named = zip(("champion", "canary", "shadow", "former"), roles(record), strict=True)
    return ", ".join(f"{role} {version}" for role, version in named if version)


def station(record: StationConfig) -> tuple[str, str, str, str, str]:
    """Policy, largest crop, presence, whether it is oriented, and the reference."""
    policy: str = record.policy
    if record.polygon is not None:
        policy = f"{policy} {' '.join(f'{x:g},{y:g}' for x, y in record.polygon)}"
    size, oriented = f"{record.width} x {record.height}", "yes" if record.orient else "no"
    return policy, size, f"{record.presence:g}", oriented, (record.reference or "")[:12]


def standing(snapshot: Snapshot, record: VersionRecord) -> str:
    """A version's stages, one line each."""
    lines = []
    for key, stage in stages(snapshot, record).items():
        entry = snapshot.assignment(key)
        trial = entry.record.canary if stage == "canary" and entry is not None else None
        share = "" if trial is None else f" {trial.percent:g} %{', paused,' if trial.paused else ''}"
        lines.append(f"{stage}{share} {'for' if stage == 'candidate' else 'at'} {key}")
    return "\n".join(lines)


def sorted_entries(held: Mapping[str, HeldT]) -> list[tuple[str, HeldT]]:
    """Entries of a table of the registry, the least specific first."""
    return sorted(held.items(), key=lambda entry: (PlaceKey(entry[0]).specificity[0], entry[0]))


def _canary(trial: Canary | None) -> str:
    if trial is None:
        return ""
    return f"{trial.version} {trial.percent:g} %{' (paused)' if trial.paused else ''}"
