"""The whole registry at one moment: immutable, so that any thread may read it without a lock."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field

from shared.events import Place
from shared.events.base import Model, now
from shared.registry.place_key import PlaceKey, candidate_keys
from shared.registry.records import Assignment, Resolved, StationConfig, VersionRecord

_DEFAULT_STATION = StationConfig()


class HeldAssignment(Model):
    """An assignment and the revision that set it."""

    revision: int
    record: Assignment


class HeldStation(Model):
    """A station's configuration and the revision that set it."""

    revision: int
    record: StationConfig


class Snapshot(Model):
    """Assignments, stations and versions as they stood at `as_of`. Goes through JSON unchanged."""

    revision: Annotated[int, Field(ge=0)] = 0
    """The global counter: a snapshot with a higher one is newer."""
    position: str = "0-0"
    """The audit entry up to which this snapshot holds every change."""
    as_of: AwareDatetime = Field(default_factory=now)
    stale: bool = False
    """True when the registry could not be asked since: this is the last known good."""
    assignments: Mapping[str, HeldAssignment] = {}
    stations: Mapping[str, HeldStation] = {}
    versions: Mapping[str, VersionRecord] = {}

    def resolve(self, place: Place) -> Resolved | None:
        """The most specific assignment for a place, or None where there is none."""
        for key in candidate_keys(place):
            held = self.assignments.get(key.root)
            if held is not None:
                return Resolved(key=key, revision=held.revision, assignment=held.record)
        return None

    def station(self, place: Place) -> StationConfig:
        """The most specific station configuration for a place, or the default."""
        for key in candidate_keys(place):
            held = self.stations.get(key.root)
            if held is not None:
                return held.record
        return _DEFAULT_STATION

    def assignment(self, key: PlaceKey) -> HeldAssignment | None:
        """The entry of exactly this key."""
        return self.assignments.get(key.root)

    def version(self, version: str) -> VersionRecord | None:
        """A registered version by its name."""
        return self.versions.get(version)

    def assigned_versions(self) -> list[VersionRecord]:
        """Every registered version that some assignment puts to work or may go back to, sorted by name."""
        named = {version for held in self.assignments.values() for version in held.record.warm()}
        return [self.versions[version] for version in sorted(named) if version in self.versions]
