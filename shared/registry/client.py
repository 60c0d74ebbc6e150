"""Talk to the registry in Redis: versions that never change, assignments and stations changed by compare-and-swap."""

from collections.abc import Collection
from typing import Any, Final, Literal

from pydantic import BaseModel

from shared.events.base import now
from shared.registry import scripts
from shared.registry.answers import audit_entry, held_assignment, held_station
from shared.registry.connection import Connected
from shared.registry.errors import RevisionConflict, UnknownVersion, VersionExists
from shared.registry.failures import faults
from shared.registry.lifecycle import Transition
from shared.registry.place_key import PlaceKey
from shared.registry.records import Advanced, Assignment, AuditEntry, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot
from shared.settings.sections import RedisSettings

_PAGE: Final = 500
"""Audit entries read at a time where only some are wanted."""


class Registry(Connected):
    """The registry behind one Redis URL. Thread-safe. Every call is limited in time and raises `RegistryUnavailable`
    where Redis is away, refuses, or holds what is not understood.

    Args:
        settings: where Redis is, and how long an answer may take.

    Raises:
        SettingsRejected: the URL is no Redis URL.
    """  # noqa: D205 - the limits are the summary

    def __init__(self, settings: RedisSettings) -> None:
        self._timeout: Final = settings.timeout_s
        super().__init__(settings)

    def register(self, record: VersionRecord) -> VersionRecord:
        """Register a version for good. The same bundle under the same name again is harmless.

        Returns:
            The record that the registry holds: the first one of that name.

        Raises:
            VersionExists: the name is taken by another bundle.
        """
        with faults(changing=True):
            outcome, value = self._eval(
                scripts.REGISTER,
                [scripts.REVISION, scripts.VERSIONS, scripts.AUDIT],
                [record.version, record.model_dump_json(), record.author, now().isoformat(), record.note],
            )
            if outcome == "done":
                return record
            held = VersionRecord.model_validate_json(value)
        if (held.digest, held.kind) != (record.digest, record.kind):
            raise VersionExists(
                f"version {record.version} is already registered for another bundle ({held.kind}, {held.digest[:12]})",
                hint="choose a new name: verdicts refer to versions by name, so a name is never used twice",
            )
        return held

    def version(self, version: str) -> VersionRecord | None:
        """A registered version, or None."""
        with faults():
            text: Any = self._redis.hget(scripts.VERSIONS, version)
            return None if text is None else VersionRecord.model_validate_json(text)

    def versions(self) -> list[VersionRecord]:
        """Every registered version, newest first."""
        with faults():
            held: Any = self._redis.hgetall(scripts.VERSIONS)
            records = [VersionRecord.model_validate_json(text) for text in held.values()]
        return sorted(records, key=lambda record: record.created, reverse=True)

    def stations(self) -> dict[str, HeldStation]:
        """Every station's configuration, by its key."""
        with faults():
            held: Any = self._redis.hgetall(scripts.TABLES["stations"])
            return {key: held_station(value) for key, value in held.items()}

    def assignment(self, key: PlaceKey) -> HeldAssignment | None:
        """The entry of exactly this key, or None."""
        with faults():
            value: Any = self._redis.hget(scripts.TABLES["assignments"], key.root)
            return None if value is None else held_assignment(value)

    def advance(
        self,
        key: PlaceKey,
        transition: Transition,
        *,
        action: str,
        author: str,
        note: str = "",
        expected: int | Literal["any"] | None = "any",
    ) -> Advanced:
        """Take a rollout one step further: read the entry, make the next one, put it in force by compare-and-swap.

        Args:
            key: where.
            transition: of `shared.registry.lifecycle`.
            action: what the audit calls it, e.g. `promote`.
            author: who.
            note: why.
            expected: the revision that the author saw; None for no entry. `any` takes what is there now.

        Raises:
            TransitionRejected: the step does not follow from what is held.
            RevisionConflict: the entry is not at `expected`, or somebody changed it meanwhile. Nothing is repeated by
                itself: the step may not make sense any more.
            UnknownVersion: a version is not registered.
        """
        held = self.assignment(key)
        found = None if held is None else held.revision
        based = found if expected == "any" else expected
        if based != found:
            raise RevisionConflict(f"the assignment of {key}", expected=based, found=found)
        before = None if held is None else held.record
        # Read anew, since a copy of a record is not checked: what is written must be readable to every worker.
        after = Assignment.model_validate({**transition(before).model_dump(), "author": author})
        revision = self._change(
            "assignments", key, after, expected=found, author=author, named=after.warm(), action=action, note=note
        )
        return Advanced(key=key, revision=revision, before=before, after=after)

    def assign(
        self, key: PlaceKey, assignment: Assignment, *, expected: int | None, author: str, note: str = ""
    ) -> int:
        """Put an assignment in force as it is, whatever was there: `advance` takes the steps of a rollout.

        Args:
            key: where.
            assignment: which versions; its author becomes `author`.
            expected: the revision this change is based on; None where there was no entry.
            author: who.
            note: why.

        Returns:
            The entry's new revision.

        Raises:
            RevisionConflict: the entry changed meanwhile.
            UnknownVersion: a version is not registered.
        """
        record = assignment.model_copy(update={"author": author})
        return self._change(
            "assignments",
            key,
            record,
            expected=expected,
            author=author,
            named=record.warm(),
            action="assign",
            note=note,
        )

    def unassign(self, key: PlaceKey, *, expected: int, author: str, note: str = "") -> int:
        """Remove an assignment; a less specific one takes its place. Raises as `assign` does."""
        return self._change("assignments", key, None, expected=expected, author=author, action="unassign", note=note)

    def set_station(
        self, key: PlaceKey, station: StationConfig, *, expected: int | None, author: str, note: str = ""
    ) -> int:
        """Put a station's configuration in force. Arguments, result and errors as in `assign`."""
        return self._change("stations", key, station, expected=expected, author=author, action="station", note=note)

    def unset_station(self, key: PlaceKey, *, expected: int, author: str, note: str = "") -> int:
        """Remove a station's configuration; a less specific one, or the default, takes its place."""
        return self._change("stations", key, None, expected=expected, author=author, action="unstation", note=note)

    def snapshot(self) -> Snapshot:
        """Everything, as it stands at one moment."""
        with faults():
            batch = self._redis.pipeline(transaction=True)
            batch.get(scripts.REVISION)
            batch.xrevrange(scripts.AUDIT, count=1)
            batch.hgetall(scripts.VERSIONS)
            batch.hgetall(scripts.TABLES["assignments"])
            batch.hgetall(scripts.TABLES["stations"])
            revision, last, versions, assignments, stations = batch.execute()
            return Snapshot(
                revision=int(revision or 0),
                position=last[0][0] if last else "0-0",
                versions={name: VersionRecord.model_validate_json(text) for name, text in versions.items()},
                assignments={key: held_assignment(value) for key, value in assignments.items()},
                stations={key: held_station(value) for key, value in stations.items()},
            )

    def audit(self, since: str | None = None, count: int = 100) -> list[AuditEntry]:
        """Changes after the stream entry `since` (or from the first one), oldest first."""
        with faults():
            entries: Any = self._redis.xrange(scripts.AUDIT, min="-" if since is None else f"({since}", count=count)
            return [audit_entry(*entry) for entry in entries]

    def history(
        self, count: int = 100, under: PlaceKey | None = None, *, tables: Collection[str] = ("assignments", "stations")
    ) -> list[AuditEntry]:
        """The latest changes, newest first.

        Args:
            count: at most so many.
            under: only changes at keys that this one covers.
            tables: which changes, where `under` is given.
        """
        found: list[AuditEntry] = []
        before = "+"
        while len(found) < count:
            with faults():
                entries: Any = self._redis.xrevrange(scripts.AUDIT, max=before, count=max(count, _PAGE if under else 0))
                page = [audit_entry(*entry) for entry in entries]
            found += [entry for entry in page if under is None or entry.lies_under(under, tables)]
            if under is None or not page:
                break
            before = f"({page[-1].stream_id}"
        return found[:count]

    def wait_for_change(self, since: str, timeout_s: float) -> bool:
        """Whether anything changed after the stream entry `since`; waits for it at most `timeout_s` or half our
        time limit, whichever is shorter.
        """  # noqa: D205 - one sentence
        block_ms = max(1, int(min(timeout_s, self._timeout / 2) * 1000))
        with faults():
            return bool(self._redis.xread({scripts.AUDIT: since}, count=1, block=block_ms))

    def _change(
        self,
        table: str,
        key: PlaceKey,
        record: BaseModel | None,
        *,
        expected: int | None,
        author: str,
        action: str,
        note: str = "",
        named: tuple[str, ...] = (),
    ) -> int:
        after = "" if record is None else record.model_dump_json()
        before = "" if expected is None else str(expected)
        with faults(changing=True):
            outcome, value = self._eval(
                scripts.CHANGE,
                [scripts.REVISION, scripts.TABLES[table], scripts.AUDIT, scripts.VERSIONS],
                [table, str(key), before, after, author, now().isoformat(), action, note, *named],
            )
        if outcome == "conflict":
            what = f"the {table.removesuffix('s')} of {key}"
            raise RevisionConflict(what, expected=expected, found=int(value) if value else None)
        if outcome == "unknown":
            raise UnknownVersion(f"version {value} is not registered", hint="`linegate rollout versions` lists them")
        return int(value)

    def _eval(self, script: str, keys: list[str], arguments: list[str]) -> tuple[str, str]:
        answer: Any = self._redis.eval(script, len(keys), *keys, *arguments)
        return str(answer[0]), str(answer[1])
