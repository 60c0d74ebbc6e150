"""Signed model bundles: Ed25519 signatures over a bundle's sha256, kept beside it in the store."""

from shared.signing.keys import KeyRejected, load_private_key, load_public_key
from shared.signing.signature import SignatureRejected, Trust, add_signature
from shared.signing.store import TRUST_FAULTS, sign_artifact, trust_of, verify_artifact

__all__ = [
    "TRUST_FAULTS",
    "KeyRejected",
    "SignatureRejected",
    "Trust",
    "add_signature",
    "load_private_key",
    "load_public_key",
    "sign_artifact",
    "trust_of",
    "verify_artifact",
]
