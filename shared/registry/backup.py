"""All of the registry at once: read for a backup, and put back in one step.

Values are kept as the texts that Redis holds, so that a backup can be made of what a newer Linegate wrote, and what is
put back is what was there, letter by letter. Only putting back asks that all of it is understood.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from shared.errors import LinegateError
from shared.events.base import Model
from shared.registry.answers import audit_entry, held_assignment, held_station
from shared.registry.place_key import PlaceKey
from shared.registry.records import VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot

_STREAM_ID: Final = r"^[0-9]+-[0-9]+$"


class BackupRejected(LinegateError):
    """What is to be put back is not a registry that could be in force."""


class AuditRow(Model):
    """An entry of the audit stream as Redis holds it."""

    id: Annotated[str, Field(pattern=_STREAM_ID)]
    fields: Mapping[str, str]

    @property
    def order(self) -> tuple[int, int]:
        """Entries of a stream are in this order."""
        time, _, number = self.id.partition("-")
        return int(time), int(number)


class Contents(Model):
    """Everything the registry holds, as text."""

    revision: Annotated[int, Field(ge=0)]
    versions: Mapping[str, str] = {}
    """JSON of the record, by name."""
    assignments: Mapping[str, str] = {}
    """Revision, a space, JSON of the record; by key."""
    stations: Mapping[str, str] = {}
    """Likewise."""
    audit: tuple[AuditRow, ...] = ()
    """Oldest first."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Contents":
        """What a snapshot tells: all but the audit."""
        return cls(
            revision=snapshot.revision,
            versions={name: record.model_dump_json() for name, record in snapshot.versions.items()},
            assignments={key: _written(held) for key, held in snapshot.assignments.items()},
            stations={key: _written(held) for key, held in snapshot.stations.items()},
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is registered, assigned or set; what the audit tells of the past does not count."""
        return not (self.versions or self.assignments or self.stations)

    @property
    def position(self) -> str:
        """The last entry of the audit."""
        return self.audit[-1].id if self.audit else "0-0"


def _written(held: HeldAssignment | HeldStation) -> str:
    return f"{held.revision} {held.record.model_dump_json()}"


def understood(contents: Contents) -> Snapshot:
    """The same as records, once it is known that workers can live by them.

    Raises:
        BackupRejected: an entry is not understood, of a later revision than the whole, or names a version that is not
            there.
    """
    try:
        snapshot = Snapshot(
            revision=contents.revision,
            position=contents.position,
            versions={name: VersionRecord.model_validate_json(text) for name, text in contents.versions.items()},
            assignments={str(PlaceKey(key)): held_assignment(text) for key, text in contents.assignments.items()},
            stations={str(PlaceKey(key)): held_station(text) for key, text in contents.stations.items()},
        )
        for row in contents.audit:
            audit_entry(row.id, row.fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BackupRejected(
            f"a {error.title} in it is not understood: {where}: {first['msg']}",
            hint="was it written by a newer version of Linegate?",
        ) from None
    except (ValueError, KeyError) as error:
        raise BackupRejected(f"an entry in it is damaged: {error}") from None
    _check(contents, snapshot)
    return snapshot


def _check(contents: Contents, snapshot: Snapshot) -> None:
    for name, record in snapshot.versions.items():
        if name != record.version:
            raise BackupRejected(f"version {record.version} stands under the name {name}")
    revisions = {key: held.revision for key, held in snapshot.assignments.items()}
    revisions |= {f"station {key}": held.revision for key, held in snapshot.stations.items()}
    for key, revision in revisions.items():
        if not 0 < revision <= snapshot.revision:
            raise BackupRejected(f"the entry {key} has revision {revision}, and all of it {snapshot.revision}")
    for key, entry in snapshot.assignments.items():
        for version in entry.record.warm():
            if version not in snapshot.versions:
                raise BackupRejected(f"the assignment {key} names version {version}, which is not there")
    if (*snapshot.assignments, *snapshot.stations) != (*contents.assignments, *contents.stations):
        raise BackupRejected("a key in it is not written in full", hint="a key has five fields, `*` for any")
    orders = [row.order for row in contents.audit]
    if orders != sorted(set(orders)):
        raise BackupRejected("the audit in it is out of order")


def put_back(there: Contents, source: Contents, *, above: int = 0) -> Contents:
    """What the registry holds after `source` was put in the place of `there`.

    The revision is above that of both, and above `above`, so that every worker takes the state over (ADR 8). The audit
    loses nothing: it has the entries of both.

    Raises:
        BackupRejected: the two audits tell different things of one entry.
    """
    audit = {row.id: row for row in source.audit}
    for row in there.audit:
        if audit.setdefault(row.id, row) != row:
            raise BackupRejected(
                f"the audit entry {row.id} is another one in the registry", hint="are they the same registry's?"
            )
    return source.model_copy(
        update={
            "revision": max(there.revision, source.revision, above) + 1,
            "audit": tuple(sorted(audit.values(), key=lambda row: row.order)),
        }
    )


def contents_of(answers: tuple[Any, ...]) -> Contents:
    """What Redis answered: revision, the three tables, and the audit's entries."""
    revision, versions, assignments, stations, audit = answers
    return Contents(
        revision=int(revision or 0),
        versions=versions,
        assignments=assignments,
        stations=stations,
        audit=tuple(AuditRow(id=stream_id, fields=fields) for stream_id, fields in audit),
    )
