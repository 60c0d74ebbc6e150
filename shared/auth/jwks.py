"""An identity provider's public keys (JSON Web Key Set, RFC 7517), by URL or by file."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from shared.auth.errors import IdentityProviderAway
from shared.auth.watched_file import WatchedFile
from shared.errors import LinegateError

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
"""The only signatures that are taken, each with a public key: never `none`, never a shared secret (RFC 8725, 3.1)."""
REFRESH_SECONDS: Final = 300.0
"""Keys older than this are fetched again, beside the request that noticed it."""
STALE_SECONDS: Final = 3600.0
"""Keys that could not be refreshed for this long are not trusted any more: the provider may have withdrawn one."""
COOLDOWN_SECONDS: Final = 10.0
"""Least time between two fetches, so that tokens with made-up key ids cannot make us flood the provider."""
FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 1024 * 1024
_LEAST_RSA_BITS: Final = 2048
_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
_log = structlog.get_logger(__name__)

Keys = Mapping[str, PyJWK]


class KeySource(Protocol):
    """Where the keys come from."""

    async def find(self, kid: str, /) -> PyJWK | None:
        """The public key of this id; None where the provider has no such key.

        Raises:
            IdentityProviderAway: that cannot be told now.
        """
        ...


class JwksFile:
    """Keys from a file, which is read again when it changes.

    Raises:
        LinegateError: the file cannot be read or is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, parse_jwks, what="JWKS file")

    async def find(self, kid: str, /) -> PyJWK | None:
        """The key of this id."""
        return self._file.content.get(kid)


class JwksUrl:
    """Keys from a URL. They are fetched when first needed, so that we start while the provider is away.

    Used on one event loop. Whoever brings a known key id never waits for a fetch.

    Args:
        url: of the key set; redirects are not followed.
        ca: certificates to trust for it instead of the usual ones.
        clock: seconds, monotonic.

    Raises:
        LinegateError: `ca` cannot be used.
    """

    def __init__(self, url: str, *, ca: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._url: Final = url
        self._verify: Final = True if ca is None else _trusting(ca)
        self._clock: Final = clock
        self._keys: Keys = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed = True
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str, /) -> PyJWK | None:
        """The key of this id; see `KeySource`."""
        found = self._usable.get(kid)
        if found is None:
            if (fetching := self._fetch_soon()) is not None:
                await asyncio.shield(fetching)
            found = self._usable.get(kid)
        elif self._age > REFRESH_SECONDS:
            self._fetch_soon()
        if found is None and self._failed:
            raise IdentityProviderAway(
                "the identity provider's keys cannot be had now",
                hint="is auth.jwks right, and the identity provider up? The log tells",
            )
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    @property
    def _usable(self) -> Keys:
        return self._keys if self._age <= STALE_SECONDS else {}

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch under way, begun now where none is and the last is some time ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self._clock() - self._tried_at < COOLDOWN_SECONDS:
            return None
        self._tried_at = self._clock()
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            keys = parse_jwks(await asyncio.to_thread(self._download))
        except (httpx.HTTPError, LinegateError) as error:
            self._failed = True
            told = str(error) or type(error).__name__
            _log.error("cannot fetch the identity provider's keys", url=self._url, error=told)
        else:
            self._keys, self._fetched_at, self._failed = keys, self._clock(), False

    def _download(self) -> bytes:
        deadline = time.monotonic() + FETCH_SECONDS
        data = bytearray()
        with (
            httpx.Client(timeout=FETCH_SECONDS, verify=self._verify, follow_redirects=False) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise LinegateError(f"status {answer.status_code}")
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > MAX_BYTES or time.monotonic() > deadline:
                    raise LinegateError("the key set is too large, or comes too slowly")
        return bytes(data)


def parse_jwks(data: bytes) -> Keys:
    """The public keys of a key set that can verify one of `ALGORITHMS`, by key id; others are passed over.

    Raises:
        LinegateError: it is no key set, or no key of it can be used.
    """
    try:
        entries = json.loads(data)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LinegateError("it is no JSON Web Key Set", hint='it is an object {"keys": [...]}') from None
    keys: dict[str, PyJWK] = {}
    for entry in entries if isinstance(entries, list) else []:
        key = _usable_key(entry)
        if key is not None and key.key_id is not None:
            keys.setdefault(key.key_id, key)
    if not keys:
        raise LinegateError(
            "it has no key that can be used",
            hint=f"a key has a kid, a public part only, and serves {', '.join(ALGORITHMS)} (RSA: 2048 bits or more)",
        )
    return keys


def _usable_key(entry: Any) -> PyJWK | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or not entry["kid"]:
        return None
    # "d" is a private key, which does not belong here; whoever can read this file could then sign.
    if entry.get("kty") not in _KEY_TYPES or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    if "verify" not in entry.get("key_ops", ("verify",)):
        return None
    try:
        key = PyJWK(entry)
    except PyJWTError:
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < _LEAST_RSA_BITS
    return None if weak else key


def _trusting(ca: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise LinegateError(f"auth.jwks_ca {ca} cannot be used: {error.strerror or error}") from None
