"""Keys as files: private for the owner alone, never overwritten, refused with one line that holds no key material."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.settings import SigningSettings
from shared.signing import KeyRejected, load_private_key, load_public_key
from shared.signing.keys import key_id, signing_key, write_key_pair

SECRET = b"open sesame"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A pair without passphrase."""
    private, public = tmp_path / "a.key.pem", tmp_path / "a.pub.pem"
    write_key_pair(private, public, passphrase=None)
    return private, public


def test_both_halves_belong_together(pair: tuple[Path, Path]) -> None:
    """And only the owner reads the private one."""
    private, public = pair
    key = load_private_key(private, passphrase=None)
    assert key_id(key.public_key()) == key_id(load_public_key(str(public)))
    assert key_id(key.public_key()) == key_id(load_public_key(public.read_text()))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_no_key_is_overwritten(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """The old private key stays as it was."""
    before = pair[0].read_bytes()
    with pytest.raises(KeyRejected, match="exists already"):
        write_key_pair(pair[0], tmp_path / "other", passphrase=None)
    assert pair[0].read_bytes() == before
    with pytest.raises(KeyRejected, match="cannot write"):
        write_key_pair(tmp_path / "no" / "folder", tmp_path / "other", passphrase=None)


def test_a_passphrase_encrypts(tmp_path: Path) -> None:
    """Without it, or with a wrong one, nothing comes out; a file may hold it, with its newline."""
    private = tmp_path / "a.key.pem"
    write_key_pair(private, tmp_path / "a.pub.pem", passphrase=SECRET)
    assert b"ENCRYPTED" in private.read_bytes()
    with pytest.raises(KeyRejected, match="needs a passphrase"):
        load_private_key(private, passphrase=None)
    with pytest.raises(KeyRejected, match="passphrase is wrong") as error:
        load_private_key(private, passphrase=b"wrong")
    assert "wrong sesame" not in error.value.line
    phrase = tmp_path / "phrase"
    phrase.write_bytes(SECRET + b"\n")
    by_file = SigningSettings(private_key=private, passphrase_file=phrase)
    by_text = SigningSettings.model_validate({"private_key": private, "passphrase": SECRET.decode()})
    for settings in (by_file, by_text):
        assert signing_key(settings) is not None
        assert SECRET.decode() not in repr(settings)


def test_no_private_key_no_signing() -> None:
    """The default."""
    assert signing_key(SigningSettings()) is None


def test_what_is_no_key_of_ours_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """The wrong half, another kind, rubbish, nothing: at the start of the process, and without key material."""
    private, public = pair
    other = ec.generate_private_key(ec.SECP256R1())
    ecdsa = tmp_path / "ec.pem"
    ecdsa.write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    ecdsa_public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\x00\xff")
    for given in (str(private), private.read_text(), ecdsa_public.decode(), str(rubbish), str(tmp_path / "none")):
        with pytest.raises(KeyRejected) as error:
            load_public_key(given)
        assert "BEGIN" not in error.value.line
        assert "\n" not in error.value.line
    for path in (public, ecdsa, rubbish, tmp_path / "none"):
        with pytest.raises(KeyRejected):
            load_private_key(path, passphrase=None)
    with pytest.raises(KeyRejected, match="needs none"):
        load_private_key(private, passphrase=SECRET)
