"""Reports of versions: HTML of the store, shown without any right."""

from pathlib import Path

import pytest

from shared.auth import Role
from tests.integration.console.rollouts.console import Console

pytestmark = pytest.mark.redis
REPORT = b"<!doctype html><title>r</title><script>parent.document.title = 'taken'</script>"


def test_a_report_has_no_rights(console: Console, tmp_path: Path) -> None:
    """Whoever may write to the store must not act for whoever reads it."""
    record = console.version("v1")
    (tmp_path / "r.html").write_bytes(REPORT)
    console.store.put_named(record.digest, "report.html", tmp_path / "r.html")
    ada = console.visitor(Role.OPERATOR)
    page = ada.get("/rollouts/versions/v1")
    frame = page.one("version-report")
    assert frame["sandbox"] == ""
    answer = ada.client.get(frame["src"])
    assert answer.content == REPORT
    policy = [part.strip() for part in answer.headers["content-security-policy"].split(";")]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert not any(part.startswith("script-src") for part in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert ada.client.get("/rollouts").headers["x-frame-options"] == "DENY"
    assert console.visitor(Role.OPERATOR, "austin").client.get(frame["src"]).status_code == 404


def test_a_version_without_a_report(console: Console) -> None:
    """Is shown without one."""
    console.version("v1")
    ada = console.visitor()
    assert not ada.get("/rollouts/versions/v1").all("version-report")
    ada.get("/rollouts/versions/v1/report", 404)
