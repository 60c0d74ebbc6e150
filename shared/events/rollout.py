"""A rollout went a step further, or the automatic judge found something: for whoever follows what judges where."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.events.base import Event, VersionId


class RolloutChanged(Event):
    """An assignment was changed in the registry, by a person or by the automatic judge. One change, one event."""

    TYPE: ClassVar[str] = "io.linegate.rollout.v1"
    TOPIC: ClassVar[str] = "linegate.rollouts"

    key: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    """The assignment's key, e.g. `munich/line-1/*/*/*`."""
    revision: Annotated[int, Field(ge=1)]
    action: Annotated[str, StringConstraints(max_length=32)]
    """`promote`, `rollback`, `canary`, `shadow`, `pause`, `resume`, `guard`, `assign` or `unassign`."""
    by: Annotated[str, StringConstraints(max_length=128)]
    automatic: bool
    """Whether the automatic judge did it."""
    note: Annotated[str, StringConstraints(max_length=1024)] = ""
    champion: VersionId | None = None
    """In force from now on; None where the entry was removed."""
    canary: VersionId | None = None
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    paused: bool = False
    shadow: VersionId | None = None
    former: VersionId | None = None
    replaced: VersionId | None = None
    """The champion before, where this change replaced it."""

    @property
    def record_key(self) -> str:
        """One place's changes stay in order."""
        return self.key


class RolloutBreach(Event):
    """A version on trial went beyond a limit of its guard. Told once for each trial and limit."""

    TYPE: ClassVar[str] = "io.linegate.rollout.breach.v1"
    TOPIC: ClassVar[str] = "linegate.rollouts"

    key: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    version: VersionId
    """On trial."""
    champion: VersionId
    """What it was compared with."""
    arm: Literal["canary", "shadow"]
    measure: Literal["reject_rise", "disagreement", "psi", "ks", "latency_ratio"]
    value: float
    """As measured; for rates the confidence bound that is beyond the limit."""
    limit: float
    trial_parts: Annotated[int, Field(ge=0)]
    champion_parts: Annotated[int, Field(ge=0)]
    action: Literal["rollback", "pause", "alert"]
    """What was done about it."""
    detail: Annotated[str, StringConstraints(max_length=1024)]
    """One line for people."""

    @property
    def record_key(self) -> str:
        """One place's events stay in order."""
        return self.key
