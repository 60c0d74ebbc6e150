"""Only a bundle that a trusted key signed is believed; every way round it that we know of is tried."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import SigningSettings, StoreSettings
from shared.signing import SignatureRejected, Trust, add_signature, sign_artifact, trust_of, verify_artifact
from shared.signing.keys import key_id, write_key_pair
from shared.signing.signature import DOMAIN
from shared.store import ArtifactCorrupt, ArtifactStore, StoreUnavailable

OURS, THEIRS, NEW = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
DIGEST = hashlib.sha256(b"bundle").hexdigest()
OTHER = hashlib.sha256(b"another bundle").hexdigest()
TRUST = Trust([OURS.public_key()])


def file_of(key_name: str, signature: bytes, digest: str = DIGEST) -> bytes:
    """A signature file written by hand."""
    entry = {"key": key_name, "ed25519": base64.b64encode(signature).decode()}
    return json.dumps({"format": "io.linegate.signatures.v1", "digest": digest, "signatures": [entry]}).encode()


def name(key: Ed25519PrivateKey) -> str:
    """What a key is called."""
    return key_id(key.public_key())


def test_a_trusted_signature_is_believed() -> None:
    """And says whose it is."""
    assert TRUST.check(DIGEST, add_signature(None, DIGEST, OURS)) == name(OURS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not readable"),
        (b"\x80\x04\x95", "not readable"),
        (b'{"format": "io.linegate.signatures.v2", "digest": "", "signatures": []}', "not readable"),
        (file_of("0" * 16, b"x" * 64).replace(b'"signatures"', b'"more": 1, "signatures"'), "not readable"),
        (json.dumps({"digest": DIGEST, "signatures": []}).encode(), "signed by nobody"),
        (add_signature(None, DIGEST, THEIRS), "whom nobody here trusts"),
        # A foreign signature under our key's name.
        (file_of(name(OURS), THEIRS.sign(DOMAIN + bytes.fromhex(DIGEST))), "does not fit"),
        # Our own signature of another bundle.
        (add_signature(None, OTHER, OURS), "does not fit"),
        (add_signature(None, OTHER, OURS).replace(OTHER.encode(), DIGEST.encode()), "does not fit"),
        # Our own signature of the bare digest, made for some other purpose.
        (file_of(name(OURS), OURS.sign(bytes.fromhex(DIGEST))), "does not fit"),
        (file_of(name(OURS), OURS.sign(DIGEST.encode())), "does not fit"),
        (file_of(name(OURS), b""), "does not fit"),
        (file_of(name(OURS), OURS.sign(DOMAIN + bytes.fromhex(DIGEST))[:-1]), "does not fit"),
        (file_of(name(OURS), b"").replace(b'"ed25519": ""', b'"ed25519": "%%%"'), "does not fit"),
    ],
)
def test_everything_else_is_refused(data: bytes, reason: str) -> None:
    """With one line that says why."""
    with pytest.raises(SignatureRejected, match=reason) as error:
        TRUST.check(DIGEST, data)
    assert "\n" not in error.value.line


@given(st.integers(0, 64 * 8 - 1))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    """Of the signature itself."""
    good = bytearray(OURS.sign(DOMAIN + bytes.fromhex(DIGEST)))
    assert TRUST.check(DIGEST, file_of(name(OURS), bytes(good)))
    good[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureRejected):
        TRUST.check(DIGEST, file_of(name(OURS), bytes(good)))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever lies in the store."""
    with pytest.raises(SignatureRejected):
        TRUST.check(DIGEST, data)


def test_two_keys_while_one_is_replaced() -> None:
    """Bundles signed by either are believed; those that both signed survive the end of the old one."""
    both = Trust([OURS.public_key(), NEW.public_key()])
    old, new = add_signature(None, DIGEST, OURS), add_signature(None, DIGEST, NEW)
    assert both.check(DIGEST, old) == name(OURS)
    assert both.check(DIGEST, new) == name(NEW)
    twice = add_signature(old, DIGEST, NEW)
    only_new = Trust([NEW.public_key()])
    assert only_new.check(DIGEST, twice) == name(NEW)
    with pytest.raises(SignatureRejected):
        only_new.check(DIGEST, old)


def test_signing_again_adds_nothing() -> None:
    """One signature per key; those of others stay; another bundle's file is written anew."""
    once = add_signature(add_signature(None, DIGEST, OURS), DIGEST, THEIRS)
    assert add_signature(once, DIGEST, THEIRS) == once
    assert len(json.loads(add_signature(once, DIGEST, OURS))["signatures"]) == 2
    assert len(json.loads(add_signature(once, OTHER, OURS))["signatures"]) == 1
    assert add_signature(b"rubbish", DIGEST, OURS) == add_signature(None, DIGEST, OURS)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """A store in a folder."""
    return ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"))


def test_a_bundle_in_the_store(store: ArtifactStore) -> None:
    """Unsigned, signed by somebody else, signed by us."""
    digest = store.put_bytes(b"bundle")
    with pytest.raises(SignatureRejected, match="is not signed"):
        verify_artifact(store, digest, TRUST)
    sign_artifact(store, digest, THEIRS)
    with pytest.raises(SignatureRejected, match=name(THEIRS)):
        verify_artifact(store, digest, TRUST)
    sign_artifact(store, digest, OURS)
    assert verify_artifact(store, digest, TRUST) == name(OURS)
    assert verify_artifact(store, digest, Trust([THEIRS.public_key()])) == name(THEIRS)


def test_without_trusted_keys_nothing_is_asked(store: ArtifactStore) -> None:
    """Signing is an option."""
    assert verify_artifact(store, store.put_bytes(b"bundle"), Trust()) is None


def test_a_damaged_bundle_is_not_signed(store: ArtifactStore, tmp_path: Path) -> None:
    """The content is verified before anybody vouches for it."""
    digest = store.put_bytes(b"bundle")
    (tmp_path / "store" / "sha256" / digest[:2] / digest).write_bytes(b"bUndle")
    (tmp_path / "cache" / "sha256" / digest[:2] / digest).unlink()
    with pytest.raises(ArtifactCorrupt):
        sign_artifact(store, digest, OURS)


def test_local_copies_are_verified_too(store: ArtifactStore, tmp_path: Path) -> None:
    """A signature kept locally serves while the store is away; a local forgery does not, nor does no copy at all."""
    digest = store.put_bytes(b"bundle")
    sign_artifact(store, digest, OURS)
    assert verify_artifact(store, digest, TRUST) == name(OURS)
    (tmp_path / "store").rename(tmp_path / "away")
    assert verify_artifact(store, digest, TRUST) == name(OURS)
    with pytest.raises(StoreUnavailable):
        verify_artifact(store, digest, Trust([NEW.public_key()]))
    copy = tmp_path / "cache" / "sha256" / digest[:2] / f"{digest}.sig"
    copy.write_bytes(add_signature(None, digest, THEIRS))
    with pytest.raises(StoreUnavailable):
        verify_artifact(store, digest, TRUST)
    copy.unlink()
    with pytest.raises(StoreUnavailable):
        verify_artifact(store, digest, TRUST)
    (tmp_path / "away").rename(tmp_path / "store")
    assert verify_artifact(store, digest, TRUST) == name(OURS)


def test_trust_by_file_and_inline(tmp_path: Path) -> None:
    """The settings name files or hold the PEM text; both at once."""
    a = write_key_pair(tmp_path / "a.key.pem", tmp_path / "a.pub.pem", passphrase=None)
    b = write_key_pair(tmp_path / "b.key.pem", tmp_path / "b.pub.pem", passphrase=None)
    given_ = f"{tmp_path / 'a.pub.pem'},{(tmp_path / 'b.pub.pem').read_text()}"
    settings = SigningSettings.model_validate({"public_keys": given_})
    assert set(trust_of(settings).keys) == {key_id(a), key_id(b)}
