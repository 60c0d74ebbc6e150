"""The doctor: what it says of a machine without servers, and of broken installations."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from deploy.doctor import access, crops, machine, run_doctor, servers, weights
from deploy.doctor.finding import Check, Finding, ok, warn
from deploy.doctor.run import CHECKS
from services.keys.edit import add_key
from services.keys.record import new_record
from shared.settings import Settings
from tests.unit.shared.auth.provider import AUDIENCE, ISSUER, Provider


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Port 9 of this machine: nobody listens."""
    monkeypatch.setenv("LINEGATE_BUS__BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("LINEGATE_REDIS__URL", "redis://:hunter2@127.0.0.1:9/0")
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "cache"))
    for name in ("LINEGATE_TOKEN", "LINEGATE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def report(*checks: Check) -> tuple[int, str]:
    """Exit status and text."""
    console = Console(file=io.StringIO(), width=300)
    status = run_doctor(console, checks)
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue()


def one(check: Check) -> Finding:
    """The only finding of a check."""
    (finding,) = check(Settings())
    return finding


def test_this_environment_is_well() -> None:
    """Python, torch with torchvision, one faiss, disk, store: the tests could not run otherwise."""
    for check in (machine.python, machine.torch_pair, machine.faiss, servers.store):
        assert one(check).level == "OK", one(check)


def test_absent_servers_fail_with_a_remedy_and_without_secrets() -> None:
    """And the exit status is 1."""
    status, told = report(servers.kafka, servers.redis)
    assert status == 1
    assert "FAIL Kafka at 127.0.0.1:9 does not answer" in told
    assert "FAIL Redis does not answer" in told
    assert told.count("→ start it (`linegate up`") == 2
    assert "hunter2" not in told
    assert "2 failed, 0 to look at, 0 well." in told


def test_warnings_do_not_fail() -> None:
    """Exit status 0, and brackets in a message are not taken for markup."""

    def check(_: Settings) -> Iterator[Finding]:
        yield ok("fine")
        yield warn("[red]odd", "look [at] it")

    status, told = report(check)
    assert status == 0
    assert "WARN [red]odd\n     → look [at] it" in told


def test_a_check_that_breaks_is_a_finding() -> None:
    """The others still run."""

    def broken(_: Settings) -> Iterator[Finding]:
        yield ok("so far")
        raise RuntimeError("no\nluck")

    status, told = report(broken, machine.python)
    assert status == 1
    assert "FAIL checking broken failed: RuntimeError: no luck" in told
    assert "OK   Python" in told


def test_wrong_settings_are_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings nothing else can be checked."""
    monkeypatch.setenv("LINEGATE_REDIS__URLL", "x")
    status, told = report(machine.python)
    assert status == 1
    assert "did you mean 'url'" in told
    assert "Python" not in told


def test_two_faiss_are_a_conflict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By what the installer wrote, since both put the same files in the same place."""
    folder = tmp_path / "site" / "faiss_gpu-1.14.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: faiss-gpu\nVersion: 1.14.0\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder.parent)])
    finding = one(machine.faiss)
    assert finding.level == "FAIL"
    assert "faiss-gpu 1.14.0" in finding.told
    assert "faiss-cpu" in finding.told


@pytest.mark.parametrize(
    ("version", "level"),
    [('openjdk version "17.0.2"', "OK"), ('java version "1.8.0_292"', "WARN"), ("gibberish", "WARN")],
)
def test_java_is_judged_by_its_own_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, level: str
) -> None:
    """A program that answers as Java does."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert one(machine.java).level == level


def test_no_java_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the local stack needs it."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert one(machine.java).level == "WARN"


def test_absent_weights_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file that was asked for is named."""
    monkeypatch.setenv("LINEGATE_CROP__WEIGHTS", str(tmp_path / "mine.safetensors"))
    finding = one(weights.detector)
    assert finding.level == "FAIL"
    assert "mine.safetensors" in finding.told


def test_unwritable_store_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "file"))
    assert one(servers.store).level == "FAIL"


def levels(check: Check) -> list[tuple[str, str]]:
    """Level and text of each finding."""
    return [(finding.level, finding.told) for finding in check(Settings())]


def test_a_gateway_without_anybody_is_a_warning_and_an_open_one_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open one on this machine only is a warning, too."""
    assert one(access.who_may_come_in).level == "WARN"
    monkeypatch.setenv("LINEGATE_AUTH__MODE", "off")
    assert one(access.who_may_come_in).level == "WARN"
    monkeypatch.setenv("LINEGATE_GATEWAY__HOST", "0.0.0.0")  # noqa: S104 - a value to read, nothing listens
    assert one(access.who_may_come_in).level == "FAIL"


def test_the_key_file_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Absent, broken, without a key in force, writable by others, and well."""
    path = tmp_path / "keys.toml"
    monkeypatch.setenv("LINEGATE_AUTH__KEYS_FILE", str(path))
    assert one(access.who_may_come_in).level == "FAIL"
    path.write_text("[[key]\n")
    path.chmod(0o600)
    assert "not TOML" in one(access.who_may_come_in).told
    path.write_text("")
    assert one(access.who_may_come_in).level == "WARN"
    add_key(path, new_record(roles=["camera"], plants=["munich"], expires=None, note="")[1])
    assert levels(access.who_may_come_in) == [("OK", f"{path} holds 1 key(s), 0 of them expired")]
    path.chmod(0o660)
    assert [level for level, _ in levels(access.who_may_come_in)] == ["OK", "FAIL"]


def test_the_identity_provider_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys can be had, or not."""
    with Provider() as provider:
        for name, value in (("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("JWKS", provider.url)):
            monkeypatch.setenv(f"LINEGATE_AUTH__{name}", value)
        assert one(access.who_may_come_in).level == "OK"
    assert one(access.who_may_come_in).level == "FAIL"


def test_our_token_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No gateway and a gateway that does not know us are warnings, what cannot be a token is an error."""
    monkeypatch.setenv("LINEGATE_GATEWAY__PORT", "9")
    assert one(access.our_token).level == "WARN"
    with Provider() as gateway:
        monkeypatch.setenv("LINEGATE_GATEWAY__PORT", str(gateway.server.server_address[1]))
        for status, level in ((200, "OK"), (401, "WARN"), (500, "FAIL")):
            gateway.status = status
            assert one(access.our_token).level == level
    monkeypatch.setenv("LINEGATE_TOKEN", "two words")
    assert one(access.our_token).level == "FAIL"


def test_every_check_says_what_it_looks_at() -> None:
    """And no check is forgotten."""
    written = {
        name: check
        for module in (access, machine, servers, crops, weights)
        for name, check in vars(module).items()
        if callable(check) and not name.startswith("_") and getattr(check, "__module__", "") == module.__name__
    }
    assert set(written.values()) == set(CHECKS)
    assert all(check.__doc__ for check in CHECKS)
