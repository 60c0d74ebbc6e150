"""`linegate rollout` on a real registry."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from services.rollout.cli.app import app
from shared.errors import LinegateError
from shared.registration_reference import Reference, ReferenceRejected, pack
from shared.registry.client import Registry
from shared.registry.errors import RevisionConflict, UnknownVersion
from shared.registry.records import VersionRecord

pytestmark = pytest.mark.redis
Rollout = Callable[..., str]


def test_a_rollout_from_nothing_to_a_canary(rollout: Rollout) -> None:
    """Assign, try, look, withdraw, look back."""
    assert "No assignments yet" in rollout("list")
    assert "champion v1" in rollout("assign", "munich", "--champion", "v1", "--author", "ada")
    arguments = ("--champion", "v1", "--canary", "v2", "--percent", "5", "--shadow", "v4")
    assert "canary v2 5 %, shadow v4" in rollout("assign", "munich/line-1", *arguments, "--author", "bob")
    listed = rollout("list")
    assert listed.index("munich/*/*/*/*") < listed.index("munich/line-1/*/*/*")
    assert "munich/line-1/*/*/*" in rollout("show", "munich/line-1/s1/us/mobile")
    assert "entries of their own: munich/line-1/*/*/*" in rollout("show", "munich")
    assert "munich/*/*/*/*" in rollout("unassign", "munich/line-1")
    told = rollout("history", "-n", "2")
    assert "champion v1, canary v2 5 %, shadow v4" in told
    assert "bob" in told


def test_versions_are_listed(rollout: Rollout) -> None:
    """Name, kind, digest, who."""
    told = rollout("versions")
    assert "v1" in told
    assert "222222222222" in told
    assert "ada" in told


def test_a_station_takes_a_reference_by_file_and_by_digest(
    rollout: Rollout, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file is put into the store first; what is none is refused; a version made for other crops is told of."""
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "cache"))
    content = pack(Reference(np.zeros((16, 24), np.float32), np.ones((16, 24), np.bool_)), {})
    digest = hashlib.sha256(content).hexdigest()
    file = tmp_path / "reference.safetensors"
    file.write_bytes(content)
    with pytest.raises(AssertionError, match=r"the artifact store .* has no"):
        rollout("station", "munich/line-1", "--reference", digest)
    assert digest[:12] in rollout("station", "munich/line-1", "--reference", str(file))
    held = registry.snapshot().stations["munich/line-1/*/*/*"]
    assert held.record.reference == digest
    rollout("station", "munich/line-1", "--reference", "none")
    assert registry.snapshot().stations["munich/line-1/*/*/*"].record.reference is None
    rollout("station", "munich/line-1", "--reference", digest)
    recipe = registry.snapshot().stations["munich/line-1/*/*/*"].record.recipe()
    made = VersionRecord(version="v3", digest="3" * 64, kind="padim", crop=recipe)
    registry.register(made)
    assert "warning" not in rollout("assign", "munich/line-1", "--champion", "v3")
    said = rollout("station", "munich/line-1", "--reference", "none")
    assert "warning" in said
    assert f"reference: {digest[:12]}, none" in said
    file.write_bytes(b"something else")
    with pytest.raises(ReferenceRejected):
        rollout("station", "munich/line-1", "--reference", str(file))
    assert registry.snapshot().stations["munich/line-1/*/*/*"].record.reference is None


def test_a_station_is_changed_field_by_field(rollout: Rollout, registry: Registry) -> None:
    """What is not named stays; leaving roi drops its polygon."""
    rollout("station", "munich/line-1", "--policy", "roi", "--polygon", "0,0 1,0 1,1 0,1", "--height", "300")
    rollout("station", "munich/line-1", "--presence", "0.8", "--no-orient")
    held = registry.snapshot().stations["munich/line-1/*/*/*"].record
    assert (held.policy, held.height, held.presence, held.orient) == ("roi", 300, 0.8, False)
    rollout("station", "munich/line-1", "--policy", "full_frame")
    held = registry.snapshot().stations["munich/line-1/*/*/*"].record
    assert (held.policy, held.polygon, held.height) == ("full_frame", None, 300)


def test_a_change_based_on_old_news_is_refused(rollout: Rollout, registry: Registry) -> None:
    """The error names both revisions; the registry is unchanged."""
    rollout("assign", "munich", "--champion", "v1", "--expect", "0")
    with pytest.raises(RevisionConflict, match="expected no entry, found revision 4"):
        rollout("assign", "munich", "--champion", "v2", "--expect", "0")
    with pytest.raises(RevisionConflict, match="expected revision 2, found revision 4"):
        rollout("assign", "munich", "--champion", "v2", "--expect", "2")
    assert registry.snapshot().assignments["munich/*/*/*/*"].record.champion == "v1"
    rollout("assign", "munich", "--champion", "v2", "--expect", "4")
    assert registry.snapshot().assignments["munich/*/*/*/*"].record.champion == "v2"


def test_faults_are_told(rollout: Rollout) -> None:
    """An unknown version, an entry that is not there."""
    with pytest.raises(UnknownVersion, match="v9 is not registered"):
        rollout("assign", "munich", "--champion", "v9")
    with pytest.raises(LinegateError, match="there is no assignment of munich"):
        rollout("unassign", "munich")


@pytest.mark.parametrize(
    "arguments",
    [
        ("assign", "Munich", "--champion", "v1"),
        ("assign", "munich/l/s/us/film", "--champion", "v1"),
        ("assign", "munich", "--champion", "v1", "--canary", "v2"),
        ("assign", "munich", "--champion", "V 1"),
        ("assign", "munich", "--champion", "v1", "--note", "two\nlines"),
        ("assign", "munich", "--champion", "v1", "--author", "a" * 129),
        ("shadow", "munich", "V 1"),
        ("canary", "munich", "v2"),
        ("canary", "munich", "v2", "--percent", "101"),
        ("rollback", "munich", "--what", "everything"),
        ("guard", "munich", "--max-psi", "-1"),
        ("guard", "munich", "--max-ks", "much"),
        ("versions", "V 1"),
        ("history", "Munich"),
        ("station", "munich", "--policy", "roi"),
        ("station", "munich", "--policy", "roi", "--polygon", "0,0 1"),
        ("station", "munich", "--height", "1"),
    ],
)
def test_a_wrong_command_line_is_status_two(registry: Registry, arguments: tuple[str, ...]) -> None:
    """And nothing is changed."""
    before = registry.snapshot().revision
    assert CliRunner().invoke(app, list(arguments)).exit_code == 2
    assert registry.snapshot().revision == before
