"""What the routes of rollouts answer."""

from typing import Self

from pydantic import AwareDatetime, BaseModel, Field

from shared.registry.lifecycle import Stage
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, AuditEntry, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.registry.stages import stages


class Rollout(Assignment):
    """What judges at a key, and what is on trial there. Its entity tag is its revision in quotation marks."""

    key: PlaceKey = Field(examples=["munich/line-1/*/*/*"])
    revision: int = Field(examples=[12])

    @classmethod
    def of(cls, key: PlaceKey, held: HeldAssignment) -> Self:
        """As the registry holds it."""
        return cls.model_validate({**held.record.model_dump(), "key": key, "revision": held.revision})


class Rollouts(BaseModel):
    """Every rollout that you may see, the least specific key first."""

    rollouts: list[Rollout]


class Changed(BaseModel):
    """The step was taken."""

    rollout: Rollout
    warnings: list[str] = Field(
        description="Versions at work that were made for other crops than their stations make; empty is well."
    )


class HistoryEntry(BaseModel):
    """One change."""

    revision: int
    key: str
    time: AwareDatetime
    author: str
    action: str = Field(examples=["promote"])
    note: str
    before: Assignment | None
    after: Assignment | None

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """An entry of the audit that is of an assignment."""
        before, after = (
            None if text is None else Assignment.model_validate_json(text) for text in (entry.before, entry.after)
        )
        told = entry.model_dump(include={"revision", "key", "time", "author", "action", "note"})
        return cls(**told, before=before, after=after)


class History(BaseModel):
    """The latest changes at a key and at those under it, the newest first."""

    entries: list[HistoryEntry]


class Standing(BaseModel):
    """Where a version stands at one key."""

    key: PlaceKey
    stage: Stage


class Version(VersionRecord):
    """A registered version, without the held-out scores, and where it stands."""

    stages: list[Standing]

    @classmethod
    def of(cls, snapshot: Snapshot, record: VersionRecord) -> Self:
        """As far as `snapshot` shows."""
        told = record.model_dump()
        if told["calibration"] is not None:
            told["calibration"]["good_scores"] = ()
        standing = [Standing(key=key, stage=stage) for key, stage in stages(snapshot, record).items()]
        return cls.model_validate({**told, "stages": standing})


class Versions(BaseModel):
    """Every registered version that you may see, the newest first."""

    versions: list[Version]
