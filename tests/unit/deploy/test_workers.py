"""The local stack's workers and their keys."""

import stat
from pathlib import Path

import typer.main

from deploy.local.access import local_access
from deploy.local.workers import ALL_WORKERS, LINE_WORKERS, PEOPLE_WORKERS, STEP_WORKERS
from services.cli import serve


def test_linegate_up_starts_every_worker_that_there_is() -> None:
    """None is forgotten, and none is started that cannot be."""
    group = typer.main.get_group(serve)
    names = group.list_commands(typer.Context(group))
    assert sorted(ALL_WORKERS) == sorted(names)
    assert set(STEP_WORKERS) | set(LINE_WORKERS) | set(PEOPLE_WORKERS) <= set(ALL_WORKERS)


def test_keys_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    """Whoever is signed in stays so after the next start."""
    first = local_access(tmp_path)
    held = {path: path.read_text() for path in (first.token_file, first.session_secret_file)}
    assert len(held[first.session_secret_file].strip()) >= 32
    for path in held:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    local_access(tmp_path)
    assert {path: path.read_text() for path in held} == held
