"""The copy of the registry that lets a worker start while Redis is away."""

from pathlib import Path

import structlog
from pydantic import ValidationError

from shared.files import write_atomically
from shared.registry.snapshot import Snapshot

_log = structlog.get_logger(__name__)


def read_copy(path: Path) -> Snapshot | None:
    """The last known good, marked stale; None where there is none or it is not readable (which is logged)."""
    try:
        return Snapshot.model_validate_json(path.read_bytes()).model_copy(update={"stale": True})
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.exception("last known good not readable", file=str(path), reason=type(error).__name__)
        return None


def write_copy(path: Path, snapshot: Snapshot) -> None:
    """Replace the copy in one step: a reader, or the next start after a power cut, sees the old or the new one.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, snapshot.model_dump_json().encode())
