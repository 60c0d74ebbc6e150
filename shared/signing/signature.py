"""What is signed, how signatures are written down, and who is believed. Pure.

Signed is not the bundle but `io.linegate.bundle.v1`, a zero byte and the bundle's sha256 (32 bytes): a signature made
for another purpose with the same key can never be taken for one of ours. The digest covers the bundle whole: tensors,
threshold, calibration and the digest of the backbone's weights.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints, ValidationError

from shared.errors import LinegateError
from shared.events.base import Model, Sha256
from shared.signing.keys import key_id

DOMAIN: Final = b"io.linegate.bundle.v1\0"


class SignatureRejected(LinegateError):
    """A bundle is not signed by a trusted key. Never loaded."""


class Signature(Model):
    """One key's word for a bundle."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    """`key_id` of the signer: which key to try, nothing that is believed."""
    ed25519: Annotated[str, StringConstraints(max_length=128)]
    """The 64 bytes, base64."""


class SignatureFile(Model):
    """The `.sig` file beside a bundle: one signature per key, so that an old and a new key may both stand."""

    format: Literal["io.linegate.signatures.v1"] = "io.linegate.signatures.v1"
    digest: Sha256
    signatures: Annotated[tuple[Signature, ...], Field(max_length=16)]


def add_signature(before: bytes | None, digest: str, key: Ed25519PrivateKey) -> bytes:
    """The signature file with this key's word in it.

    Args:
        before: the file as it was; one that is not readable, or is another bundle's, is written anew.
        digest: sha256 of the bundle, hex.
        key: the signer.
    """
    kept: tuple[Signature, ...] = ()
    if before is not None:
        try:
            held = SignatureFile.model_validate_json(before)
        except ValidationError:
            held = None
        if held is not None and held.digest == digest:
            kept = held.signatures
    own = key_id(key.public_key())
    made = Signature(key=own, ed25519=base64.b64encode(key.sign(_message(digest))).decode())
    others = [signature for signature in kept if signature.key != own]
    return SignatureFile(digest=digest, signatures=(*others[-15:], made)).model_dump_json(indent=1).encode()


class Trust:
    """The keys that are believed.

    Args:
        keys: none asks for no signature at all.
    """

    def __init__(self, keys: Iterable[Ed25519PublicKey] = ()) -> None:
        self.keys: Final[Mapping[str, Ed25519PublicKey]] = {key_id(key): key for key in keys}

    @property
    def asks(self) -> bool:
        """Whether a bundle needs a signature."""
        return bool(self.keys)

    def check(self, digest: str, data: bytes) -> str:
        """See that a signature file vouches for a bundle.

        Args:
            digest: sha256 of the bundle, hex.
            data: the signature file.

        Returns:
            The id of the trusted key that signed it.

        Raises:
            SignatureRejected: none of the signatures is a valid one by a trusted key.
        """
        try:
            file = SignatureFile.model_validate_json(data)
        except ValidationError:
            raise SignatureRejected(f"the signature file of bundle {digest} is not readable", hint=_HINT) from None
        for signature in file.signatures:
            key = self.keys.get(signature.key)
            if key is not None and _valid(key, signature.ed25519, digest):
                return signature.key
        signers = ", ".join(signature.key for signature in file.signatures) or "nobody"
        known = any(signature.key in self.keys for signature in file.signatures)
        what = "the signature does not fit it" if known else f"signed by {signers}, whom nobody here trusts"
        raise SignatureRejected(f"bundle {digest} is not signed by a trusted key: {what}", hint=_HINT)


_HINT: Final = "look where the bundle came from; if it is yours, `linegate signing sign` signs it"


def _valid(key: Ed25519PublicKey, text: str, digest: str) -> bool:
    try:
        key.verify(base64.b64decode(text, validate=True), _message(digest))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _message(digest: str) -> bytes:
    return DOMAIN + bytes.fromhex(digest)
