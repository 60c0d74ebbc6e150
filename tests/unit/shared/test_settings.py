"""The settings: where they come from, which source wins, and how a mistake is told."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.settings import Settings, SettingsRejected, load_settings
from shared.settings.reference import reference

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of the developer's machine takes part."""
    import os

    for variable in list(os.environ):
        if variable.startswith("LINEGATE_") or variable in (
            "KAFKA_BOOTSTRAP_SERVERS",
            "REDIS_URL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_complete() -> None:
    """Without any configuration the local machine is meant."""
    settings = load_settings()
    assert settings.redis.url.get_secret_value() == "redis://localhost:6379/0"
    assert settings.bus.bootstrap_servers == "localhost:9092"
    assert settings.images.dataref_roots == ()


def test_linegate_variable_beats_plain_variable_beats_file_beats_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The documented precedence, taken away one source at a time."""
    monkeypatch.setenv("LINEGATE_REDIS__URL", "redis://own:1/0")
    monkeypatch.setenv("REDIS_URL", "redis://plain:2/0")
    (tmp_path / "linegate.toml").write_text('[redis]\nurl = "redis://file:3/0"\ntimeout_s = 7\n')
    assert load_settings().redis.url.get_secret_value() == "redis://own:1/0"
    monkeypatch.delenv("LINEGATE_REDIS__URL")
    assert load_settings().redis.url.get_secret_value() == "redis://plain:2/0"
    monkeypatch.delenv("REDIS_URL")
    assert load_settings().redis.url.get_secret_value() == "redis://file:3/0"
    assert load_settings().redis.timeout_s == 7
    (tmp_path / "linegate.toml").unlink()
    assert load_settings().redis.url.get_secret_value() == "redis://localhost:6379/0"


def test_sources_merge_field_by_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable for one field leaves the file's other fields of that section alone."""
    (tmp_path / "linegate.toml").write_text("[gateway]\nport = 9000\nhost = '0.0.0.0'\n")
    monkeypatch.setenv("LINEGATE_GATEWAY__PORT", "9001")
    gateway = load_settings().gateway
    assert (gateway.host, gateway.port) == ("0.0.0.0", 9001)  # noqa: S104 - a value to read back, nothing listens


def test_kafka_variable_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """`KAFKA_BOOTSTRAP_SERVERS` names the brokers."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9093")
    assert load_settings().bus.bootstrap_servers == "broker:9093"


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable set to nothing, as compose files do, is no value."""
    monkeypatch.setenv("LINEGATE_GATEWAY__PORT", "")
    monkeypatch.setenv("REDIS_URL", "")
    assert load_settings().gateway.port == 8080
    assert load_settings().redis.url.get_secret_value() == "redis://localhost:6379/0"


def test_dataref_roots_are_comma_separated_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list reads as people write it, not as JSON."""
    monkeypatch.setenv("LINEGATE_IMAGES__DATAREF_ROOTS", "s3://a/b/, https://photos.example/")
    assert load_settings().images.dataref_roots == ("s3://a/b/", "https://photos.example/")


def test_named_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`LINEGATE_CONFIG` names the file, wherever it lies."""
    path = tmp_path / "elsewhere.toml"
    path.write_text('[score]\ndevice = "cpu"\n')
    monkeypatch.setenv("LINEGATE_CONFIG", str(path))
    assert load_settings().score.device == "cpu"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[redis]\nurll = "x"\n', "no setting redis.urll (did you mean 'url'?)"),
        ("[reddis]\n", "no setting reddis (did you mean 'redis'?)"),
        ("[gateway]\nport = 70000\n", "gateway.port: Input should be less than or equal to 65535"),
        ('[images]\ndataref_roots = ["/photos"]\n', "images.dataref_roots: '/photos' is no URL prefix"),
        ("[gateway\n", "is not TOML"),
        ("[gateway]\nport = 1\nhots = 'x'\nmax_upload_bytes = 0\n", "gateway.max_upload_bytes"),
    ],
)
def test_mistake_in_the_file_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    """What is wrong, where, and what was probably meant."""
    (tmp_path / "linegate.toml").write_text(text)
    with pytest.raises(SettingsRejected) as caught:
        load_settings()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ('jwks = "http://id.example/jwks"', "an https:// URL or a file's path is needed"),
        ('jwks = "ftp://127.0.0.1/jwks"', "an https:// URL or a file's path is needed"),
        ('jwks = "http://127.0.0.1.evil.example/jwks"', "an https:// URL or a file's path is needed"),
        ('jwks = "http://localhost@id.example/jwks"', "an https:// URL or a file's path is needed"),
        ('issuer = "https://id.example"', "audience and jwks is not set"),
        ('issuer = "https://id.example"\njwks = "/etc/jwks.json"', "audience is not set"),
        ('mode = "maybe"', "auth.mode"),
        ("leeway_s = 3600", "auth.leeway_s"),
    ],
)
def test_half_or_unsafe_authentication_is_an_error(tmp_path: Path, auth: str, told: str) -> None:
    """Keys that anybody on the way could change, and an identity provider without an audience, are none."""
    (tmp_path / "linegate.toml").write_text(f"[auth]\n{auth}\n")
    with pytest.raises(SettingsRejected, match=told):
        load_settings()


@pytest.mark.parametrize(
    "jwks", ["https://id.example/jwks", "http://127.0.0.1:1/jwks", "http://[::1]/jwks", "http://localhost/j", "~/jwks"]
)
def test_a_whole_and_safe_authentication_is_taken(tmp_path: Path, jwks: str) -> None:
    """The control of those above."""
    text = f'[auth]\nissuer = "https://id.example"\naudience = "linegate"\njwks = "{jwks}"\n'
    (tmp_path / "linegate.toml").write_text(text)
    assert load_settings().auth.jwks == jwks


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("LINEGATE_REDIS__URLL", "did you mean 'url'"),
        ("LINEGATE_REDDIS__URL", "did you mean 'redis'"),
    ],
)
def test_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, variable: str, told: str) -> None:
    """A misspelt variable never passes silently."""
    monkeypatch.setenv(variable, "redis://h/0")
    with pytest.raises(SettingsRejected, match=told):
        load_settings()


def test_missing_named_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was asked for must exist."""
    monkeypatch.setenv("LINEGATE_CONFIG", "/nowhere/linegate.toml")
    with pytest.raises(SettingsRejected, match=r"cannot read /nowhere/linegate\.toml"):
        load_settings()


def test_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither printing the settings nor a rejected value gives a secret away."""
    monkeypatch.setenv("LINEGATE_REDIS__URL", "redis://:hunter2@h/0")
    assert "hunter2" not in repr(load_settings())
    assert "hunter2" not in load_settings().model_dump_json()
    monkeypatch.setenv("LINEGATE_REDIS__TIMEOUT_S", "0")
    with pytest.raises(SettingsRejected) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_every_field_has_a_description() -> None:
    """A setting nobody explains is a setting nobody can use."""
    _assert_described(Settings, "")


def _assert_described(model: type[BaseModel], path: str) -> None:
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            assert section.__doc__, name
            _assert_described(section, f"{path}{name}.")
        else:
            assert field.description, f"{path}{name}"


def test_the_written_reference_matches_the_code() -> None:
    """`python -m shared.settings docs/settings.md` was run after the last change."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == reference()


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), max_size=60))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_file_loads_or_is_rejected(tmp_path: Path, text: str) -> None:
    """No text makes loading fail in any other way."""
    (tmp_path / "linegate.toml").write_text(text, encoding="utf-8")
    try:
        load_settings()
    except SettingsRejected as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right; only its form is checked
