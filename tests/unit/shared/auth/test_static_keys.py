"""Static keys: who a key belongs to, from when to when, and what a change of the file does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.auth import Principal, Role, TokenRejected
from shared.auth.key_file import KeyRecord, as_toml, new_token, parse_keys, token_sha256
from shared.auth.static_keys import StaticKeys
from shared.errors import LinegateError


def record(token: str, **changed: object) -> KeyRecord:
    """The record of `token`, a camera's of munich."""
    entry = {"id": token[3:11], "sha256": token_sha256(token), "roles": ["camera"], "plants": ["munich"]}
    return KeyRecord.model_validate(entry | changed)


@pytest.fixture
def token() -> str:
    """A new key."""
    return new_token()[1]


@pytest.fixture
def path(tmp_path: Path, token: str) -> Path:
    """A file with that key."""
    file = tmp_path / "keys.toml"
    file.write_text(as_toml(record(token)))
    return file


def test_a_key_is_its_owner(path: Path, token: str) -> None:
    """By what the file says of it."""
    assert StaticKeys(path).principal(token) == Principal(
        f"key:{token[3:11]}", frozenset({Role.CAMERA}), frozenset({"munich"})
    )


def test_the_file_holds_no_key(path: Path, token: str) -> None:
    """Nor its secret part; only the hash that a person can compute by `sha256sum`."""
    assert token.rpartition("_")[2] not in path.read_text()
    # printf %s lg_x | sha256sum
    assert token_sha256("lg_x") == "86775cdf6c6fa7fa6fbb4228c2705ee25a8d04a24dfdea3e45723194cc554c2b"


def test_any_other_key_is_refused(path: Path, token: str) -> None:
    """One digit off, another id, a prefix, a suffix, other letters, and a key of nobody."""
    last = "0" if token[-1] != "0" else "1"
    forged = [
        token[:-1] + last,
        token[:-1],
        token + "0",
        token.upper(),
        f"lg_00000000_{token[12:]}",
        "lg_",
        "lg__",
        "lg",
    ]
    for other in [*forged, new_token()[1], f" {token}", f"{token}\n", token.replace("lg_", "lg-")]:
        with pytest.raises(TokenRejected, match="not known here") as caught:
            StaticKeys(path).principal(other)
        assert other.strip()[12:] == "" or other.strip()[12:] not in str(caught.value)


def test_an_expired_key_is_refused(path: Path, token: str) -> None:
    """From its moment on, and not before."""
    moment = datetime.now(UTC)
    path.write_text(as_toml(record(token, expires=moment + timedelta(hours=1))))
    keys = StaticKeys(path)
    assert keys.principal(token).roles
    path.write_text(as_toml(record(token, expires=moment - timedelta(seconds=1))))
    with pytest.raises(TokenRejected, match="has expired"):
        keys.principal(token)
    # Only its owner learns that it ever was one.
    with pytest.raises(TokenRejected, match="not known here"):
        keys.principal(token[:-4] + "0000")


def test_a_revoked_key_is_refused_at_once(path: Path, token: str) -> None:
    """The file is read again when it changes: by replacement, in place, to nothing, and back."""
    keys, other = StaticKeys(path), new_token()[1]
    assert keys.principal(token)
    replacement = path.with_name("new.toml")
    replacement.write_text(as_toml(record(other)))
    replacement.replace(path)
    with pytest.raises(TokenRejected):
        keys.principal(token)
    assert keys.principal(other)
    path.write_text("")
    with pytest.raises(TokenRejected):
        keys.principal(other)
    path.write_text(as_toml(record(token)))
    assert keys.principal(token)


def test_a_swapped_link_is_followed(tmp_path: Path, path: Path, token: str) -> None:
    """As Kubernetes changes a mounted secret."""
    other, link = new_token()[1], tmp_path / "link"
    second = tmp_path / "second.toml"
    second.write_text(as_toml(record(other)))
    link.symlink_to(path)
    keys = StaticKeys(link)
    assert keys.principal(token)
    (tmp_path / "next").symlink_to(second)
    (tmp_path / "next").replace(link)
    assert keys.principal(other)


def test_a_broken_file_leaves_the_keys_as_they_were(path: Path, token: str) -> None:
    """A slip of an editor must not stop the line; the log says it once for each change."""
    keys = StaticKeys(path)
    with capture_logs() as logs:
        for text in ("[[key]\n", "[[key]]\nid = 7\n"):
            path.write_text(text)
            assert keys.principal(token)
            assert keys.principal(token)
        path.unlink()
        assert keys.principal(token)
    assert [line["log_level"] for line in logs] == ["error"] * 3
    path.write_text("")
    with pytest.raises(TokenRejected):
        keys.principal(token)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[key]\n", "it is not TOML"),
        ("keys = 1\n", "there is no 'keys' in it"),
        ("key = 1\n", "is no list of tables"),
        ("[key]\n", "is no list of tables"),
        ('[[key]]\nid = "0000000z"\n', "key 1, id"),
        ('[[key]]\nid = "00000000"\nsha256 = "x"\n', "key 1, sha256"),
        ("[[key]]\nroles = []\n", "key 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(path: Path, text: str, told: str) -> None:
    """At the start a broken file is an error, in one line."""
    path.write_text(text)
    with pytest.raises(LinegateError, match=told) as caught:
        StaticKeys(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("roles", ["admin"]),
        ("roles", []),
        ("plants", []),
        ("plants", ["Munich"]),
        ("plants", ["**"]),
        ("plants", "munich"),
        ("expires", "2027-01-01T00:00:00"),
        ("note", 'a"b'),
        ("note", "a\nb"),
        ("comment", "x"),
    ],
)
def test_a_wrong_field_is_refused(token: str, field: str, value: object) -> None:
    """Nothing unknown is passed over, and a time without a zone is none."""
    with pytest.raises(ValueError, match=field):
        record(token, **{field: value})


def test_two_keys_of_one_id_are_refused(token: str) -> None:
    """Which one would count?"""
    text = as_toml(record(token))
    with pytest.raises(LinegateError, match="of an earlier one"):
        parse_keys((text + text).encode())


def test_a_key_pasted_where_its_hash_belongs_is_not_repeated(path: Path, token: str) -> None:
    """The message names the field and not what stands in it."""
    path.write_text(f'[[key]]\nid = "{token[3:11]}"\nsha256 = "{token}"\nroles = ["camera"]\nplants = ["munich"]\n')
    with pytest.raises(LinegateError) as caught:
        StaticKeys(path)
    assert token not in str(caught.value)


@given(
    roles=st.frozensets(st.sampled_from(list(Role)), min_size=1),
    plants=st.frozensets(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}|\*", fullmatch=True), min_size=1, max_size=4),
    expires=st.none() | st.datetimes(timezones=st.just(UTC)),
    note=st.from_regex(r'[^\x00-\x1f\x7f"\\]{0,50}', fullmatch=True),
)
def test_what_is_written_is_read(
    roles: frozenset[Role], plants: frozenset[str], expires: datetime | None, note: str
) -> None:
    """Any valid record survives the file."""
    identity, token = new_token()
    written = record(token, roles=roles, plants=plants, expires=expires, note=note)
    assert parse_keys(as_toml(written).encode()) == {identity: written}


def test_keys_are_random() -> None:
    """64 hexadecimal digits, 256 bits, never the same."""
    made = {new_token()[1] for _ in range(200)}
    assert len(made) == 200
    assert all(len(token) == 76 and len(set(token[12:])) > 4 for token in made)
