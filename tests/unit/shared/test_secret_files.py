"""Secrets from files: which settings have them, which source wins, and how a mistake is told."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from shared.settings import Settings, SettingsRejected, load_settings
from shared.settings.secret_files import MAX_BYTES, SecretFileRejected, read_secret_files, secret_names


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of the developer's machine takes part."""
    for variable in list(os.environ):
        if variable.startswith("LINEGATE_") or variable in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """As `echo hunter2 > file` leaves it."""
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    return path


class Inner(BaseModel):
    """A section within a section."""

    token: SecretStr | None = None


class Outer(BaseModel):
    """A model with a secret, a section, and a field that is no secret."""

    word: SecretStr = SecretStr("default")
    inner: Inner = Inner()
    plain: str = ""


def test_a_variable_names_the_file_of_any_secret(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    """Those of a section within a section too, and the URL of Redis, which is secret as a whole."""
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__USERNAME", "crop")
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__PASSWORD_FILE", str(secret))
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD_FILE", str(secret))
    settings = load_settings()
    assert settings.bus.security.password == SecretStr("hunter2")
    assert settings.redis.password == SecretStr("hunter2")
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_the_settings_file_names_one_too(secret: Path, tmp_path: Path) -> None:
    """TOML, as it is mounted beside the secret."""
    (tmp_path / "linegate.toml").write_text(f'[redis]\npassword_file = "{secret}"\n')
    assert load_settings().redis.password == SecretStr("hunter2")


def test_a_file_in_the_environment_beats_a_value_in_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, secret: Path, tmp_path: Path
) -> None:
    """The same precedence as for every setting."""
    (tmp_path / "linegate.toml").write_text('[redis]\npassword = "older"\n')
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD_FILE", str(secret))
    assert load_settings().redis.password == SecretStr("hunter2")


def test_both_in_one_place_are_refused(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    """Nobody knows which was meant."""
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD", "hunter3")
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD_FILE", str(secret))
    with pytest.raises(SettingsRejected, match=r"redis\.password and redis\.password_file are both set") as caught:
        load_settings()
    assert "hunter" not in caught.value.line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"x" * (MAX_BYTES + 1), "is larger than"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, told: str
) -> None:
    """Which setting, which file, what to do."""
    path = tmp_path / "it"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD_FILE", str(path))
    with pytest.raises(SettingsRejected, match=told) as caught:
        load_settings()
    assert "redis.password_file" in caught.value.line
    assert str(path) in caught.value.line
    assert "/run/secrets" in caught.value.line
    assert "\n" not in caught.value.line


def test_only_secrets_have_files(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    """Another setting's `_file` is a misspelt name like any other."""
    monkeypatch.setenv("LINEGATE_GATEWAY__HOST_FILE", str(secret))
    with pytest.raises(SettingsRejected, match=r"no setting gateway\.host_file"):
        load_settings()


def test_every_secret_setting_is_known() -> None:
    """A list for the reference; new sections come into it by themselves."""
    assert {"redis.url", "redis.password", "bus.security.password", "bus.security.key_password"} <= set(
        secret_names(Settings)
    )
    assert list(secret_names(Outer)) == ["word", "inner.token"]


@given(
    st.text(alphabet=st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=80),
    st.text(alphabet=" \t\r\n", max_size=3),
    st.text(alphabet=" \t\r\n", max_size=3),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_any_secret_is_read_as_it_is_but_for_the_space_around_it(
    tmp_path: Path, word: str, before: str, behind: str
) -> None:
    """Whatever an editor or `echo` adds is dropped, and nothing else is."""
    path = tmp_path / "any"
    path.write_bytes(f"{before}{word}{behind}".encode())
    try:
        read = read_secret_files(Outer, {"inner": {"token_file": path}, "plain": "kept"})
    except SecretFileRejected as error:
        assert "empty" in str(error)  # noqa: PT017 - right for a secret of white space alone
        assert not word.strip()
    else:
        assert read == {"inner": {"token": word.strip()}, "plain": "kept"}
