"""The root command: instant, complete, and with one line for every error."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "cv2", "faiss", "confluent_kafka", "redis", "numpy", "matplotlib", "fastapi", "pandas", "PIL")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages whose metadata name Linegate's own commands and five test commands."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = project["entry-points"]["linegate.commands"]
    install(tmp_path, project["name"], project["version"], own)
    return tmp_path


def install(site: Path, name: str, version: str, commands: dict[str, str]) -> None:
    """What an installer writes about a package."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = "\n".join(f"{key} = {value}" for key, value in commands.items())
    (folder / "entry_points.txt").write_text(f"[linegate.commands]\n{lines}\n")


PLUGIN = '''
import typer
from shared.errors import LinegateError
app = typer.Typer(help="A group.", no_args_is_help=True)

@app.command()
def one() -> None:
    """First of the group."""
    typer.echo("one")

@app.command()
def two() -> None:
    """Second of the group."""

def greet(name: str) -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}")

def refuse() -> None:
    """Fail as a command should."""
    raise LinegateError("the registry does not answer", hint="start Redis")

def crash() -> None:
    """Fail as a command should not."""
    raise KeyError("some\\nkey")
'''


@pytest.fixture
def plugged(site: Path) -> Path:
    """The folder with commands that the tests bring along."""
    (site / "plugin_for_tests.py").write_text(PLUGIN)
    (site / "broken_for_tests.py").write_text("import a_module_that_nobody_has\n")
    names = {"group": "app", "greet": "greet", "refuse": "refuse", "crash": "crash"}
    commands = {name: f"plugin_for_tests:{target}" for name, target in names.items()}
    install(site, "plugin", "1", commands | {"broken": "broken_for_tests:run", "absent": "plugin_for_tests:nothing"})
    return site


def linegate(site: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("LINEGATE_")}
    env |= {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "COLUMNS": "200", "TERM": "dumb", **variables}
    return subprocess.run(
        [sys.executable, "-m", "shared.cli", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command(site: Path) -> None:
    """Those that pyproject.toml names, and it succeeds."""
    commands = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["linegate.commands"]
    done = linegate(site, "--help")
    assert done.returncode == 0, done.stderr
    for command in commands:
        assert f" {command} " in done.stdout


def test_help_loads_nothing_heavy(site: Path) -> None:
    """Help is instant because no command's module loads torch, cv2, faiss, Kafka and the like when imported."""
    program = (
        "import sys, json\n"
        "from shared.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print('LOADED', json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout.split("LOADED ")[1]) == []


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep(site: Path, given: str | None, found: str) -> None:
    """Known before a command loads torch; and whoever decided otherwise has it so."""
    variables = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    program = (
        "import os, sys\n"
        "from shared.cli import main\n"
        "assert 'torch' not in sys.modules\n"
        "try:\n    main(['--version'])\n"
        "except SystemExit:\n    print(os.environ['OMP_WAIT_POLICY'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**variables, "PYTHONPATH": str(site), **({"OMP_WAIT_POLICY": given} if given else {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == found


def test_version(site: Path) -> None:
    """The installed version."""
    done = linegate(site, "--version")
    assert (done.returncode, done.stdout) == (0, "linegate 0.1.0\n")


def test_commands_are_functions_or_groups(plugged: Path) -> None:
    """A plain function becomes a command, a Typer app a group."""
    assert linegate(plugged, "greet", "ada").stdout == "hello ada\n"
    assert linegate(plugged, "group", "one").stdout == "one\n"
    assert "Greet somebody." in linegate(plugged, "--help").stdout
    assert "Second of the group." in linegate(plugged, "group", "--help").stdout


def test_error_is_one_line_with_a_hint(plugged: Path) -> None:
    """Exit status 1, nothing on stdout, no traceback."""
    done = linegate(plugged, "refuse")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: the registry does not answer\nhint: start Redis\n"


def test_bug_is_one_line_too(plugged: Path) -> None:
    """And says how to see more."""
    done = linegate(plugged, "crash")
    assert done.returncode == 1
    assert "error: unexpected KeyError: 'some\\nkey'" in done.stderr
    assert "LINEGATE_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(plugged: Path) -> None:
    """`LINEGATE_DEBUG=1`."""
    done = linegate(plugged, "refuse", LINEGATE_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "plugin_for_tests.py" in done.stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["greet"], ["--nonsense"]])
def test_wrong_command_line_is_status_two(plugged: Path, arguments: list[str]) -> None:
    """As every Unix program does."""
    assert linegate(plugged, *arguments).returncode == 2


def test_broken_command_is_listed_with_its_reason(plugged: Path) -> None:
    """A module that cannot be imported takes down neither help nor the other commands."""
    done = linegate(plugged, "--help")
    assert done.returncode == 0, done.stderr
    assert "unavailable: ModuleNotFoundError: No module named 'a_module_that_nobody_has'" in done.stdout
    assert "unavailable: AttributeError" in done.stdout
    assert linegate(plugged, "greet", "ada").returncode == 0


def test_broken_command_tells_why(plugged: Path) -> None:
    """Whatever its arguments were."""
    done = linegate(plugged, "broken", "x", "--y", "3")
    assert done.returncode == 1
    assert "error: the command broken is unavailable: ModuleNotFoundError" in done.stderr
