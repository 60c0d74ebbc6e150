"""Sign bundles in the artifact store, and see that they are signed before they are used."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.settings.sections import SigningSettings
from shared.signing.keys import load_public_key
from shared.signing.signature import SignatureRejected, Trust, add_signature
from shared.store import ArtifactMissing, ArtifactStore, StoreUnavailable

TRUST_FAULTS: Final = (SignatureRejected, StoreUnavailable)
"""Why a bundle may not be trusted now."""


def trust_of(settings: SigningSettings) -> Trust:
    """The keys that the settings name.

    Raises:
        KeyRejected: one of them cannot be used. Nothing is trusted by mistake.
    """
    return Trust(load_public_key(given) for given in settings.public_keys)


def sign_artifact(store: ArtifactStore, digest: str, key: Ed25519PrivateKey) -> None:
    """Add a signature to those of a stored bundle, whose content is verified first.

    Raises:
        StoreError: the store has it not, has it damaged, or cannot be reached.
    """
    store.read(digest)
    try:
        before = store.read_signatures(digest, cached=False)
    except ArtifactMissing:
        before = None
    store.put_signatures(digest, add_signature(before, digest, key))


def verify_artifact(store: ArtifactStore, digest: str, trust: Trust) -> str | None:
    """See that a bundle is signed by a trusted key. The content itself is verified by its digest when it is read.

    A local copy of the signatures serves while it satisfies; then the store is asked, since it may have newer ones.

    Returns:
        The id of the key; None where no signature is asked for.

    Raises:
        SignatureRejected: it is not signed by a trusted key.
        StoreUnavailable: no local copy satisfies, and the store does not answer.
    """
    if not trust.asks:
        return None
    try:
        return trust.check(digest, store.read_signatures(digest, cached=True))
    except ArtifactMissing:
        raise SignatureRejected(
            f"bundle {digest} is not signed", hint="`linegate signing sign` signs it, if it is yours"
        ) from None
    except SignatureRejected:
        pass
    try:
        return trust.check(digest, store.read_signatures(digest, cached=False))
    except ArtifactMissing:
        raise SignatureRejected(f"bundle {digest} is not signed by a trusted key") from None
