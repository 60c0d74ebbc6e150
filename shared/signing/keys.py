"""Ed25519 keys (RFC 8032) as PEM files, by the `cryptography` library."""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.errors import LinegateError
from shared.settings.sections import SigningSettings

_PEM = "-----BEGIN "


class KeyRejected(LinegateError):
    """A key is not one that can be used; the message never holds key material."""


def key_id(key: Ed25519PublicKey) -> str:
    """What a key is called in signatures and logs: the first 16 hex digits of the sha256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def write_key_pair(private: Path, public: Path, *, passphrase: bytes | None) -> Ed25519PublicKey:
    """Make a new key and write both halves as PEM; the private one for its owner's eyes only (mode 0600).

    Args:
        private: PKCS #8 file to create.
        public: SubjectPublicKeyInfo file to create.
        passphrase: encrypts the private half; None leaves it as it is.

    Raises:
        KeyRejected: a file exists already, or cannot be written. A key is never overwritten.
    """
    key = Ed25519PrivateKey.generate()
    encryption = (
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    )
    halves = (
        (private, 0o600, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)),
        (public, 0o644, _public_pem(key.public_key())),
    )
    for path, mode, pem in halves:
        try:
            # The mode holds from the first byte on.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(pem)
        except FileExistsError:
            raise KeyRejected(
                f"{path} exists already", hint="a key is never overwritten: choose another name"
            ) from None
        except OSError as error:
            raise KeyRejected(f"cannot write {path}: {error.strerror}") from None
    return key.public_key()


def load_private_key(path: Path, *, passphrase: bytes | None) -> Ed25519PrivateKey:
    """The private key in a PEM file.

    Raises:
        KeyRejected: the file cannot be read, is no Ed25519 key, or the passphrase is wrong or missing.
    """
    try:
        key = serialization.load_pem_private_key(_read(path), passphrase)
    except TypeError:
        # The library's word for both: a passphrase is missing, or one was given for a key without.
        wanted = "needs none" if passphrase is not None else "needs a passphrase"
        raise KeyRejected(f"{path}: the key {wanted}", hint="see signing.passphrase_file") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRejected(f"{path} is no private key in PEM, or the passphrase is wrong") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRejected(f"{path} is no Ed25519 key", hint="make one with `linegate signing keygen`")
    return key


def load_public_key(given: str) -> Ed25519PublicKey:
    """A public key: PEM text, or the path of a file with it.

    Raises:
        KeyRejected: it cannot be read or is no Ed25519 public key.
    """
    inline = given.lstrip().startswith(_PEM)
    name = "the key in signing.public_keys" if inline else given
    try:
        key = serialization.load_pem_public_key(given.encode() if inline else _read(Path(given).expanduser()))
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRejected(
            f"{name} is no public key in PEM", hint="the public half is the one without PRIVATE in its first line"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRejected(f"{name} is no Ed25519 key", hint="make one with `linegate signing keygen`")
    return key


def passphrase_of(settings: SigningSettings) -> bytes | None:
    """The passphrase in the settings or in the file that they name.

    Raises:
        KeyRejected: the file cannot be read.
    """
    if settings.passphrase is not None:
        return settings.passphrase.get_secret_value().encode()
    if settings.passphrase_file is None:
        return None
    return _read(settings.passphrase_file).rstrip(b"\r\n")


def signing_key(settings: SigningSettings) -> Ed25519PrivateKey | None:
    """The private key that the settings name; None where they name none.

    Raises:
        KeyRejected: it cannot be used.
    """
    if settings.private_key is None:
        return None
    return load_private_key(settings.private_key.expanduser(), passphrase=passphrase_of(settings))


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise KeyRejected(f"cannot read {path}: {error.strerror}") from None
