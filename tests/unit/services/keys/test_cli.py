"""`linegate keys`: new, list, revoke, on a real file."""

import re
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.keys.cli import app
from services.keys.edit import add_key, read_keys, remove_key
from services.keys.expiry import expiry
from services.keys.record import new_record
from shared.auth import Role, TokenRejected
from shared.auth.static_keys import StaticKeys
from shared.errors import LinegateError

NOW = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `linegate keys` in an empty folder; an expected error is raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def new(run: Run, *more: str) -> str:
    """A new camera key of munich."""
    return run("new", "--role", "camera", "--plant", "munich", *more).stdout.strip()


def test_new_prints_the_key_once_and_it_works(run: Run, tmp_path: Path) -> None:
    """On standard output stands nothing but the key; the file is its owner's only and does not hold it."""
    token = new(run, "--role", "operator", "--plant", "puebla", "--expires", "90d", "--note", "cell 4")
    assert re.fullmatch(r"lg_[0-9a-f]{8}_[0-9a-f]{64}", token)
    path = tmp_path / "keys.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token[12:] not in path.read_text()
    found = StaticKeys(path).principal(token)
    assert (found.roles, found.plants) == ({Role.CAMERA, Role.OPERATOR}, {"munich", "puebla"})
    (record,) = read_keys(path)
    assert record.expires is not None
    assert timedelta(days=89) < record.expires - datetime.now(UTC) <= timedelta(days=90)


def test_list_shows_keys_and_not_their_hashes(run: Run, tmp_path: Path) -> None:
    """Id, roles, plants, expiry, note; an expired one says so; brackets are not taken for markup."""
    token = new(run, "--note", "[bold]cell 4")
    other, record = new_record(roles=["operator"], plants=["*"], expires=NOW - timedelta(days=1), note="")
    add_key(tmp_path / "keys.toml", record)
    shown = run("list").stdout
    for expected in (token[3:11], "camera", "munich", "never", "[bold]cell 4", other[3:11], "all plants", "(expired)"):
        assert expected in shown
    assert record.sha256 not in shown


def test_revoke_takes_out_one_key_and_leaves_every_other_word(run: Run, tmp_path: Path) -> None:
    """Comments, order and the other keys stay as they were; given a whole key, it revokes that and shows it not."""
    path = tmp_path / "keys.toml"
    first, second, third = new(run), new(run), new(run)
    text = path.read_text().replace("[[key]]", "# whose is this?\n[[key]]")
    path.write_text(text)
    keys = StaticKeys(path)
    assert run("revoke", second[3:11]).exit_code == 0
    assert path.read_text().count("# whose is this?") == 3
    assert [record.id for record in read_keys(path)] == [first[3:11], third[3:11]]
    with pytest.raises(TokenRejected):
        keys.principal(second)
    assert keys.principal(first) != keys.principal(third)
    result = run("revoke", first)
    assert first[12:] not in result.output
    assert [record.id for record in read_keys(path)] == [third[3:11]]
    with pytest.raises(LinegateError, match="there is no key"):
        run("revoke", first[3:11])


def test_permissions_of_the_file_stay(run: Run, tmp_path: Path) -> None:
    """An administrator may let a service's group read it; and a link is followed, not replaced."""
    token, path = new(run), tmp_path / "keys.toml"
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    new(run, "--file", str(link))
    run("revoke", token[3:11], "--file", str(link))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert len(read_keys(path)) == 1


def test_the_file_of_the_settings_is_the_default(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one cannot edit another file than the gateway reads."""
    monkeypatch.setenv("LINEGATE_AUTH__KEYS_FILE", str(tmp_path / "other.toml"))
    new(run)
    assert (tmp_path / "other.toml").exists()
    assert not (tmp_path / "keys.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--role", "admin", "--plant", "munich"], "roles"),
        (["--role", "camera", "--plant", "Munich"], "plants"),
        (["--role", "camera", "--plant", "munich", "--note", 'a"b'], "note"),
        (["--role", "camera", "--plant", "munich", "--expires", "soon"], "'soon' is not valid"),
        (["--role", "camera", "--plant", "munich", "--expires", "2020-01-01T00:00:00Z"], "in the past"),
        (["--role", "camera", "--plant", "munich", "--file", "absent/keys.toml"], "absent/keys.toml"),
    ],
)
def test_a_mistake_writes_nothing(run: Run, tmp_path: Path, arguments: list[str], told: str) -> None:
    """One line, with what is allowed."""
    with pytest.raises(LinegateError, match=told):
        run("new", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_not_made_worse(run: Run, tmp_path: Path) -> None:
    """Neither command touches what it does not understand."""
    path = tmp_path / "keys.toml"
    path.write_text("[[key]\n")
    for arguments in (["new", "--role", "camera", "--plant", "munich"], ["revoke", "00000000"], ["list"]):
        with pytest.raises(LinegateError, match="not usable"):
            run(*arguments)
    assert path.read_text() == "[[key]\n"
    with pytest.raises(LinegateError, match="there is no key file"):
        run("list", "--file", "absent.toml")


def test_a_file_written_in_another_way_is_left_to_a_person(run: Run, tmp_path: Path) -> None:
    """Valid TOML whose tables cannot be told apart line by line."""
    token, path = new(run), tmp_path / "keys.toml"
    new(run)
    tables = [
        f'{{id = "{record.id}", sha256 = "{record.sha256}", roles = ["camera"], plants = ["munich"]}}'
        for record in read_keys(path)
    ]
    path.write_text(f"key = [{', '.join(tables)}]\n")
    assert len(read_keys(path)) == 2
    before = path.read_text()
    with pytest.raises(LinegateError, match="only a person"):
        run("revoke", token[3:11])
    assert path.read_text() == before


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    """A key that one command revokes does not come back by another that read the file before."""
    path = tmp_path / "keys.toml"
    made = [new_record(roles=["camera"], plants=["munich"], expires=None, note="")[1] for _ in range(24)]
    for record in made[:12]:
        add_key(path, record)
    threads = [threading.Thread(target=add_key, args=(path, record)) for record in made[12:]]
    threads += [threading.Thread(target=remove_key, args=(path, record.id)) for record in made[:12]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.id for record in read_keys(path)} == {record.id for record in made[12:]}
    assert [child.name for child in tmp_path.iterdir()] == ["keys.toml"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("4w", NOW + timedelta(weeks=4)),
        ("2027-01-31T00:00:00+01:00", datetime(2027, 1, 30, 23, tzinfo=UTC)),
    ],
)
def test_expiry_as_people_say_it(text: str, expected: datetime) -> None:
    """In UTC, whole seconds."""
    assert expiry(text, now=NOW) == expected.replace(microsecond=0)


@pytest.mark.parametrize("text", ["", "0d", "-1d", "90", "d", "90 d", "1.5h", "2027-01-31", "99999999d", "tomorrow"])
def test_what_is_no_expiry(text: str) -> None:
    """Neither a span nor a moment with a zone."""
    with pytest.raises(LinegateError, match="not valid"):
        expiry(text, now=NOW)
