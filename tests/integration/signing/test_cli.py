"""`linegate signing` as a person uses it, and what registering a version signs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from typer.testing import CliRunner

from shared.registry.client import Registry
from shared.registry.records import VersionRecord
from shared.settings import load_settings
from shared.signing import KeyRejected, SignatureRejected, trust_of, verify_artifact
from shared.signing.cli import app
from shared.store import ArtifactCorrupt, ArtifactMissing, ArtifactStore
from training import publish
from training.order import Made

pytestmark = pytest.mark.redis
Signing = Callable[..., str]
DATABASE = 9


@pytest.fixture
def signing(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Signing]:
    """Run `linegate signing ...` on an empty store and registry; answers its output, raises its error."""
    url = urlsplit(redis_url)._replace(path=f"/{DATABASE}").geturl()
    monkeypatch.setenv("LINEGATE_REDIS__URL", url)
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield run
        client.flushdb()


def register(folder: Path, name: str) -> str:
    """Register a version as `linegate train --register` does; answers its digest."""
    settings = load_settings()
    bundle = folder / name
    bundle.write_text(f"model {name}")
    digest = ArtifactStore(settings.store).put(bundle)
    record = VersionRecord(version=name, digest=digest, kind="padim")
    publish.publish_version(Made(record=record, bundle=bundle, papers={}), settings)
    return digest


def test_from_a_key_to_a_verified_version(signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a key, register: the version is signed; the worker that trusts the key believes it."""
    said = signing("keygen", str(tmp_path / "release"))
    assert "not encrypted" in said
    key = said.split()[1].rstrip(":")
    assert signing("keys").startswith("none")
    early = register(tmp_path, "early")
    monkeypatch.setenv("LINEGATE_SIGNING__PRIVATE_KEY", str(tmp_path / "release.key.pem"))
    monkeypatch.setenv("LINEGATE_SIGNING__PUBLIC_KEYS", str(tmp_path / "release.pub.pem"))
    signed = register(tmp_path, "signed")
    assert signing("keys") == key
    assert signing("verify", "signed") == f"{signed} is signed by key {key}"
    settings = load_settings()
    assert verify_artifact(ArtifactStore(settings.store), signed, trust_of(settings.signing)) == key
    with pytest.raises(SignatureRejected, match="is not signed"):
        signing("verify", "early")
    assert signing("sign", early) == f"signed {early} with key {key}"
    assert signing("verify", early)


def test_rotation(signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust both, sign anew with the new key, trust the new one alone."""
    for name in ("a", "b"):
        signing("keygen", str(tmp_path / name))
    monkeypatch.setenv("LINEGATE_SIGNING__PRIVATE_KEY", str(tmp_path / "a.key.pem"))
    digest = register(tmp_path, "v1")
    monkeypatch.setenv("LINEGATE_SIGNING__PUBLIC_KEYS", f"{tmp_path / 'a.pub.pem'},{tmp_path / 'b.pub.pem'}")
    signing("verify", "v1")
    monkeypatch.setenv("LINEGATE_SIGNING__PUBLIC_KEYS", str(tmp_path / "b.pub.pem"))
    with pytest.raises(SignatureRejected):
        signing("verify", "v1")
    monkeypatch.setenv("LINEGATE_SIGNING__PRIVATE_KEY", str(tmp_path / "b.key.pem"))
    signing("sign", digest)
    signing("verify", "v1")
    monkeypatch.setenv("LINEGATE_SIGNING__PUBLIC_KEYS", str(tmp_path / "a.pub.pem"))
    signing("verify", "v1")


def test_a_key_that_cannot_be_used_stops_before_anything_is_registered(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No version is registered without the signature that was asked for."""
    (tmp_path / "phrase").write_text("open sesame\n")
    monkeypatch.setenv("LINEGATE_SIGNING__PASSPHRASE_FILE", str(tmp_path / "phrase"))
    assert "(encrypted)" in signing("keygen", str(tmp_path / "a"))
    monkeypatch.setenv("LINEGATE_SIGNING__PRIVATE_KEY", str(tmp_path / "a.key.pem"))
    register(tmp_path, "v1")
    (tmp_path / "phrase").write_text("wrong\n")
    with pytest.raises(KeyRejected):
        publish.able_to_sign(load_settings(), wanted=True)
    with pytest.raises(KeyRejected):
        register(tmp_path, "v2")
    with Registry(load_settings().redis) as registry:
        assert list(registry.snapshot().versions) == ["v1"]


def test_what_is_absent_or_damaged_is_not_signed(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor verified."""
    signing("keygen", str(tmp_path / "a"))
    monkeypatch.setenv("LINEGATE_SIGNING__PRIVATE_KEY", str(tmp_path / "a.key.pem"))
    monkeypatch.setenv("LINEGATE_SIGNING__PUBLIC_KEYS", str(tmp_path / "a.pub.pem"))
    digest = register(tmp_path, "v1")
    signing("verify", "v1")
    (tmp_path / "store" / "sha256" / digest[:2] / digest).write_text("model v2")
    (tmp_path / "cache" / "sha256" / digest[:2] / digest).unlink()
    for command in ("sign", "verify"):
        with pytest.raises(ArtifactCorrupt):
            signing(command, "v1")
        with pytest.raises(ArtifactMissing):
            signing(command, "0" * 64)
