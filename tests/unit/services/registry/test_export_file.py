"""What `linegate registry import` takes, and what it will not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.registry.export_file import ExportRejected, pack, read_source
from shared.registry.backup import AuditRow, BackupRejected, Contents, put_back, understood
from shared.registry.records import Assignment, Canary, StationConfig, VersionRecord
from shared.registry.snapshot import HeldAssignment, HeldStation, Snapshot

KEY = "munich/line-1/*/*/*"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def snapshot() -> Snapshot:
    """A small registry."""
    made = VersionRecord(version="v1", digest="a" * 64, kind="padim", note="Würth „x“", created=NOON)
    versions = {"v1": made, "v2": made.model_copy(update={"version": "v2"})}
    record = Assignment(champion="v1", canary=Canary(version="v2", percent=12.5, since=NOON))
    return Snapshot(
        revision=7,
        versions=versions,
        assignments={KEY: HeldAssignment(revision=5, record=record)},
        stations={KEY: HeldStation(revision=7, record=StationConfig(presence=0.1))},
    )


def row(stream_id: str, **fields: str) -> AuditRow:
    """An entry of the audit."""
    plain = {"table": "versions", "key": "v1", "revision": "1", "author": "ada", "before": "", "after": ""}
    return AuditRow(id=stream_id, fields={**plain, "time": "2026-11-24T09:00:00+00:00", **fields})


def contents(*audit: AuditRow) -> Contents:
    """The same with an audit."""
    return Contents.of(snapshot()).model_copy(update={"audit": audit})


def test_what_is_packed_is_read(tmp_path: Path) -> None:
    """An export, letter by letter; a worker's copy, without an audit."""
    held = contents(row("1-0"), row("2-0", note="für immer"))
    (tmp_path / "export.json").write_bytes(pack(held))
    source = read_source(tmp_path / "export.json")
    assert (source.contents, source.has_audit) == (held, True)
    (tmp_path / "registry-score.json").write_text(snapshot().model_dump_json())
    source = read_source(tmp_path / "registry-score.json")
    assert (source.contents, source.has_audit) == (Contents.of(snapshot()), False)
    restored = understood(source.contents)
    assert restored.assignments == snapshot().assignments
    assert restored.stations == snapshot().stations
    assert dict(restored.versions).keys() == {"v1", "v2"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text[:-30], "is not JSON"),
        (lambda text: text.replace('"revision": 7', '"revision": 8', 1), "its sha256 is another one"),
        (lambda text: text.replace("12.5", "99.5"), "its sha256 is another one"),
        (lambda text: text.replace('"format_version": 1', '"format_version": 2'), "format version 2"),
        (lambda text: text.replace("linegate.registry", "linegate.regisrty"), "no export of a registry: format"),
        (lambda text: text.replace('"sha256"', '"sha265"'), "no export of a registry"),
        (lambda _: "[1]", "is no export"),
        (lambda _: '{"revision": -1}', "neither an export of a registry nor a worker's copy"),
        (lambda _: "{}\x00", "is not JSON"),
    ],
)
def test_a_spoilt_file_is_refused(tmp_path: Path, spoil: Callable[[str], str], told: str) -> None:
    """Cut off, changed, of a later format, or something else altogether."""
    file = tmp_path / "export.json"
    file.write_text(spoil(pack(contents(row("1-0"))).decode()))
    with pytest.raises(ExportRejected, match=told):
        read_source(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(ExportRejected, match="cannot read"):
        read_source(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"versions": {}}, "names version v1, which is not there"),
        ({"revision": 6}, "station .* has revision 7, and all of it 6"),
        ({"versions": {"v3": '{"version": "v1", "digest": "' + "a" * 64 + '", "kind": "padim"}'}}, "under the name v3"),
        ({"assignments": {"munich": '5 {"champion": "v1"}'}}, "not written in full"),
        ({"assignments": {"Munich": '5 {"champion": "v1"}'}}, "not understood"),
        ({"assignments": {KEY: '5 {"champion": "v1", "quorum": 2}'}}, "quorum.*|newer"),
        ({"assignments": {KEY: 'x {"champion": "v1"}'}}, "damaged"),
        ({"stations": {KEY: "{}"}}, "damaged"),
        ({"audit": (row("2-0"), row("1-0"))}, "out of order"),
        ({"audit": (row("1-0"), row("1-0"))}, "out of order"),
        ({"audit": (row("1-0", table="plants"),)}, "not understood"),
        ({"audit": (AuditRow(id="1-0", fields={}),)}, "damaged"),
    ],
)
def test_what_workers_could_not_live_by_is_refused(changes: dict[str, Any], told: str) -> None:
    """Before anything is replaced."""
    assert understood(contents(row("1-0"), row("1-1"))).revision == 7
    with pytest.raises(BackupRejected, match=told):
        understood(contents().model_copy(update=changes))


@pytest.mark.parametrize(("there", "above", "revision"), [(0, 0, 8), (3, 0, 8), (9, 0, 10), (9, 20, 21), (0, 20, 21)])
def test_the_revision_is_above_all_that_is_known(there: int, above: int, revision: int) -> None:
    """The file's, the registry's, and what workers are said to know."""
    assert put_back(Contents(revision=there), contents(), above=above).revision == revision


def test_the_audits_of_both_are_kept() -> None:
    """In order, each once; two that contradict each other are refused."""
    file, later = row("5-0"), row("10-0", key="v2")
    there = Contents(revision=9, audit=(file, later))
    assert put_back(there, contents(row("3-0"), file)).audit == (row("3-0"), file, later)
    with pytest.raises(BackupRejected, match="5-0 is another one"):
        put_back(there, contents(row("5-0", author="eve")))


def test_an_export_can_be_compared_line_by_line() -> None:
    """And read without this program."""
    text = pack(contents(row("1-0"))).decode()
    assert text.count("\n") > 20
    value = json.loads(text)
    assert json.loads(value["content"]["versions"]["v1"])["note"] == "Würth „x“"
    assert value["content"]["assignments"][KEY].startswith('5 {"champion":"v1"')
