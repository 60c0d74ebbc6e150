"""Redis' answers as records, and its failures as the registry's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import redis
from pydantic import ValidationError

from shared.registry.connection import remedy
from shared.registry.errors import RegistryUnavailable
from shared.registry.records import Assignment, AuditEntry, StationConfig
from shared.registry.snapshot import HeldAssignment, HeldStation


@contextmanager
def faults(*, changing: bool = False) -> Iterator[None]:
    """What Redis or its content fails with inside is raised as `RegistryUnavailable`.

    Args:
        changing: whether something may have been changed before it failed.
    """
    try:
        yield
    except redis.RedisError as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise RegistryUnavailable(
            f"the registry (Redis) does not answer: {told}",
            hint=f"{remedy(error)}{'; a change was interrupted: look before you repeat it' if changing else ''}",
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise RegistryUnavailable(
            f"the registry holds a {error.title} that is not understood: {first['loc']}: {first['msg']}",
            hint="was it written by a newer version of Linegate?",
        ) from error


def held_assignment(value: str) -> HeldAssignment:
    """An entry of the table of assignments: `<revision> <json>`."""
    revision, text = value.split(" ", 1)
    return HeldAssignment(revision=int(revision), record=Assignment.model_validate_json(text))


def held_station(value: str) -> HeldStation:
    """An entry of the table of stations."""
    revision, text = value.split(" ", 1)
    return HeldStation(revision=int(revision), record=StationConfig.model_validate_json(text))


def audit_entry(stream_id: str, fields: Mapping[str, str]) -> AuditEntry:
    """An entry of the audit stream."""
    optional = {name: fields[name] or None for name in ("before", "after")}
    return AuditEntry.model_validate({"stream_id": stream_id, **fields, **optional})
