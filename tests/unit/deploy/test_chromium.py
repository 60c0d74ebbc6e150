"""The browser of the tests: found by its usual names or a given one, else installed, else asked for."""

import os
from pathlib import Path

import pytest

from deploy.local import chromium
from deploy.local.chromium import NoBrowserError, ensure_chromium, find_chromium


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path, and nobody's rights to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(chromium.VARIABLE, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def program(path: Path, script: str = "") -> Path:
    """A program of that name."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_usual_ones_are_found(programs: Path) -> None:
    """In their order."""
    program(programs / "google-chrome")
    assert find_chromium() == str(programs / "google-chrome")
    program(programs / "chromium")
    assert find_chromium() == str(programs / "chromium")


def test_a_named_one_wins_and_must_be_there(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not replaced by another, nor installed."""
    program(programs / "chromium")
    monkeypatch.setenv(chromium.VARIABLE, str(program(programs / "my-browser")))
    assert find_chromium() == str(programs / "my-browser")
    monkeypatch.setenv(chromium.VARIABLE, "/nowhere")
    with pytest.raises(NoBrowserError, match="names /nowhere"):
        ensure_chromium()


def test_without_apt_a_person_is_asked(programs: Path) -> None:
    """No other system's packages are guessed at."""
    assert list(programs.iterdir()) == []
    with pytest.raises(NoBrowserError, match="no apt-get") as caught:
        ensure_chromium()
    assert chromium.VARIABLE in str(caught.value.hint)


def test_without_rights_a_person_is_asked(programs: Path) -> None:
    """With a sudo that wants a password as well."""
    program(programs / "apt-get", "exit 0")
    for _ in range(2):
        with pytest.raises(NoBrowserError, match="root's rights") as caught:
            ensure_chromium()
        assert "sudo apt-get install chromium" in str(caught.value.hint)
        program(programs / "sudo", "exit 1")


def test_it_is_installed_by_sudo(programs: Path) -> None:
    """After the lists are fetched; without a question."""
    said = programs / "said"
    program(
        programs / "apt-get",
        f'echo "$@ $DEBIAN_FRONTEND" >> {said}; : > {programs}/chromium; /bin/chmod 755 {programs}/chromium',
    )
    program(programs / "sudo", 'shift; [ "$1" = true ] || exec "$@"')
    program(programs / "true")
    assert ensure_chromium() == str(programs / "chromium")
    update, install = said.read_text().splitlines()
    assert "update" in update
    assert install.split()[2:] == [
        "install", "-q", "-y", "--no-install-recommends", "chromium", "fonts-liberation", "noninteractive"
    ]  # fmt: skip


def test_a_failure_is_told_in_apts_words(programs: Path) -> None:
    """Not as a trace."""
    program(programs / "apt-get", "echo 'E: Temporary failure resolving' >&2; exit 100")
    program(programs / "sudo", 'shift; [ "$1" = true ] || exec "$@"')
    with pytest.raises(NoBrowserError, match="Temporary failure resolving"):
        ensure_chromium()
