"""What our own commands show, and that nothing shows it to anybody else."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from shared.auth.client import client_auth
from shared.errors import LinegateError
from shared.settings import ClientSettings, load_settings

TOKEN = "lg_00000000_" + "a" * 64


def sent(settings: ClientSettings) -> str:
    """The header of a request; empty where there is none."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=request.headers.get("authorization", "")))
    with httpx.Client(transport=transport, auth=client_auth(settings)) as client:
        return client.get("http://gateway/").text


def test_a_token_comes_by_variable_or_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newline at the file's end is no part of it; nothing given is nothing shown."""
    monkeypatch.chdir(tmp_path)
    for name in ("LINEGATE_TOKEN", "LINEGATE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert sent(load_settings().client) == ""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("LINEGATE_TOKEN_FILE", "token")
    assert sent(load_settings().client) == f"Bearer {TOKEN}"
    assert TOKEN not in repr(load_settings()) + load_settings().model_dump_json()
    monkeypatch.delenv("LINEGATE_TOKEN_FILE")
    monkeypatch.setenv("LINEGATE_TOKEN", "other")
    assert sent(load_settings().client) == "Bearer other"


@pytest.mark.parametrize("content", ["", "two words", "a\nb", "schlüssel"])
def test_what_is_no_token_is_told_without_repeating_it(content: str) -> None:
    """Before anything is sent."""
    with pytest.raises(LinegateError) as caught:
        client_auth(ClientSettings(token=SecretStr(content)))
    assert "words" not in caught.value.line
    assert "schl" not in caught.value.line


def test_an_absent_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its path."""
    monkeypatch.setenv("LINEGATE_TOKEN_FILE", str(tmp_path / "absent"))
    with pytest.raises(LinegateError, match=r"absent: No such file"):
        load_settings()
