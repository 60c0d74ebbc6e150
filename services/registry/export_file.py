"""The file that `linegate registry export` writes; and what `import` takes: that, or a worker's last known good."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError

from shared.errors import LinegateError
from shared.events.base import Model, Sha256, now
from shared.registry.backup import Contents
from shared.registry.snapshot import Snapshot

FORMAT: Final = "linegate.registry"
FORMAT_VERSION: Final = 1


class ExportRejected(LinegateError):
    """A file is no export of a registry, damaged, or of a later format."""


class Export(Model):
    """The file."""

    format: Literal["linegate.registry"]
    format_version: Annotated[int, Field(ge=1)]
    exported: AwareDatetime
    sha256: Sha256
    """Of `content` as JSON: keys sorted, no spaces, UTF-8."""
    content: Contents


@dataclass(frozen=True, slots=True)
class Source:
    """Where a registry may come from."""

    told: str
    """One line for the audit."""
    contents: Contents
    has_audit: bool


def pack(contents: Contents) -> bytes:
    """An export as it stands in the file: indented, so that two of them can be compared line by line."""
    export = Export(
        format="linegate.registry",
        format_version=FORMAT_VERSION,
        exported=now(),
        sha256=_digest(contents),
        content=contents,
    )
    return json.dumps(export.model_dump(mode="json"), indent=1, ensure_ascii=False).encode() + b"\n"


def read_source(path: Path) -> Source:
    """What a file holds.

    Raises:
        ExportRejected: it cannot be read, is neither an export nor a worker's copy, or is damaged.
    """
    try:
        data = path.read_bytes()
        value = json.loads(data)
    except OSError as error:
        raise ExportRejected(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise ExportRejected(
            f"{path} is not JSON", hint="is it whole? `linegate registry export` writes it in one step"
        ) from None
    if not isinstance(value, dict):
        raise ExportRejected(f"{path} is no export of a registry")
    return _export(path, value) if "format" in value else _copy(path, data)


def _export(path: Path, value: dict[str, object]) -> Source:
    if value["format"] == FORMAT and value.get("format_version") != FORMAT_VERSION:
        raise ExportRejected(
            f"{path} has format version {value.get('format_version')}, this Linegate reads {FORMAT_VERSION}",
            hint="use the Linegate that wrote it, or a later one",
        )
    try:
        export = Export.model_validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ExportRejected(f"{path} is no export of a registry: {where}: {first['msg']}") from None
    if _digest(export.content) != export.sha256:
        raise ExportRejected(f"{path} is not what was exported: its sha256 is another one", hint="take another backup")
    told = f"export of {export.exported.isoformat(timespec='seconds')}, revision {export.content.revision}"
    return Source(f"{told}, sha256 {export.sha256[:12]}", export.content, has_audit=True)


def _copy(path: Path, data: bytes) -> Source:
    try:
        snapshot = Snapshot.model_validate_json(data)
    except ValidationError:
        raise ExportRejected(
            f"{path} is neither an export of a registry nor a worker's copy of one",
            hint="`linegate registry export` writes one; a worker's copy is registry-score.json in its cache folder",
        ) from None
    told = f"a worker's copy of {snapshot.as_of.isoformat(timespec='seconds')}, revision {snapshot.revision}"
    return Source(told, Contents.of(snapshot), has_audit=False)


def _digest(contents: Contents) -> str:
    value = contents.model_dump(mode="json")
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()
