"""The key set: fetched when needed, kept, refreshed, and never believed for too long."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from shared.auth import IdentityProviderAway
from shared.auth.jwks import COOLDOWN_SECONDS, REFRESH_SECONDS, STALE_SECONDS, JwksFile, JwksUrl, parse_jwks
from shared.errors import LinegateError
from tests.unit.shared.auth.provider import Provider


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


async def settled(source: JwksUrl) -> None:
    """Until the fetch under way, if any, is done."""
    if source._fetching is not None:
        await source._fetching


def test_keys_are_fetched_once_and_kept(provider: Provider) -> None:
    """Many requests, also at once, are one fetch."""

    async def scene() -> None:
        source = JwksUrl(provider.url)
        found = await asyncio.gather(*(source.find("rsa-1") for _ in range(20)))
        assert all(key is not None for key in found)
        assert await source.find("ec-1") is not None
        assert provider.answers == 1

    asyncio.run(scene())


def test_a_new_key_is_found_and_made_up_ones_cost_one_fetch_in_a_while(provider: Provider) -> None:
    """An unknown kid asks the provider again, but a flood of them asks once per cool-down."""

    async def scene() -> None:
        clock = Clock()
        source = JwksUrl(provider.url, clock=clock)
        await source.find("rsa-1")
        provider.keys["new"] = ("ES256", ec.generate_private_key(ec.SECP256R1()))
        for number in range(50):
            assert await source.find(f"made-up-{number}") is None
        assert provider.answers == 1
        clock.now += COOLDOWN_SECONDS
        assert await source.find("new") is not None
        for number in range(50):
            assert await source.find(f"made-up-{number}") is None
        assert provider.answers == 2

    asyncio.run(scene())


def test_a_withdrawn_key_is_forgotten_at_the_next_refresh(provider: Provider) -> None:
    """Keys of a certain age are fetched again beside the request; what is no longer listed is no longer taken."""

    async def scene() -> None:
        clock = Clock()
        source = JwksUrl(provider.url, clock=clock)
        await source.find("rsa-1")
        del provider.keys["rsa-1"]
        clock.now += REFRESH_SECONDS + 1
        assert await source.find("rsa-1") is not None  # not waited for
        await settled(source)
        assert await source.find("rsa-1") is None

    asyncio.run(scene())


def test_away_at_the_start_lets_nobody_in_until_it_is_back(provider: Provider) -> None:
    """Not knowing is neither yes nor no."""

    async def scene() -> None:
        clock = Clock()
        source = JwksUrl(provider.url, clock=clock)
        provider.status = 503
        for _ in range(3):
            with pytest.raises(IdentityProviderAway):
                await source.find("rsa-1")
        assert provider.answers == 1
        provider.status = 200
        clock.now += COOLDOWN_SECONDS
        assert await source.find("rsa-1") is not None

    asyncio.run(scene())


def test_away_later_known_keys_hold_for_a_while_and_no_longer(provider: Provider) -> None:
    """A short outage stops no camera; a long one does, since a key may have been withdrawn meanwhile."""

    async def scene() -> None:
        clock = Clock()
        source = JwksUrl(provider.url, clock=clock)
        await source.find("rsa-1")
        provider.close()
        clock.now += STALE_SECONDS - 1
        assert await source.find("rsa-1") is not None
        await settled(source)
        with pytest.raises(IdentityProviderAway):
            await source.find("unknown")
        clock.now += 2
        with pytest.raises(IdentityProviderAway):
            await source.find("rsa-1")

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [7, {}]}',
        b"[" * 100_000,
        b" " * 1_100_000,
    ],
)
def test_what_is_no_key_set_is_as_if_the_provider_were_away(provider: Provider, body: bytes) -> None:
    """And so is one that is too large."""
    provider.body = body
    with pytest.raises(IdentityProviderAway):
        asyncio.run(JwksUrl(provider.url).find("rsa-1"))


def test_redirects_are_not_followed(provider: Provider) -> None:
    """The settings name one place; it may not send us to another."""
    provider.status = 302
    with pytest.raises(IdentityProviderAway):
        asyncio.run(JwksUrl(provider.url).find("rsa-1"))
    assert provider.answers == 1


def test_https_is_verified_and_a_plants_own_authority_can_be_named(tmp_path: Path) -> None:
    """An unknown certificate is an absent provider; with its authority in `jwks_ca` the keys come."""
    authority, ca = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    provider = Provider()
    provider.server.socket = context.wrap_socket(provider.server.socket, server_side=True)
    provider.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the refused handshake below
    with provider:
        url = provider.url.replace("http:", "https:")
        with pytest.raises(IdentityProviderAway):
            asyncio.run(JwksUrl(url).find("rsa-1"))
        assert asyncio.run(JwksUrl(url, ca=ca).find("rsa-1")) is not None


def test_an_authority_that_is_none_is_told(tmp_path: Path) -> None:
    """One line, with the setting's name."""
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "absent.pem"):
        with pytest.raises(LinegateError, match=r"auth\.jwks_ca"):
            JwksUrl("https://id.example/", ca=tmp_path / name)


def test_keys_may_come_by_file(provider: Provider, tmp_path: Path) -> None:
    """A file is read again when it changes, and a broken one leaves the keys as they were."""

    async def scene() -> None:
        path = tmp_path / "jwks.json"
        path.write_text(json.dumps(provider.jwks()))
        source = JwksFile(path)
        assert await source.find("rsa-1") is not None
        assert await source.find("unknown") is None
        del provider.keys["rsa-1"]
        path.write_text(json.dumps(provider.jwks()))
        assert await source.find("rsa-1") is None
        path.write_text("{")
        assert await source.find("ec-1") is not None

    asyncio.run(scene())
    with pytest.raises(LinegateError, match="cannot read the JWKS file"):
        JwksFile(tmp_path / "absent.json")


def entry_of(key: Any) -> dict[str, Any]:
    """A key set's entry."""
    return {**json.loads(RSAAlgorithm.to_jwk(key)), "kid": "k", "key_ops": ["verify"]}


def test_short_and_private_keys_are_passed_over() -> None:
    """RSA below 2048 bits (NIST SP 800-131A), and a private key that strayed into the set."""
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    long = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for entry in (entry_of(short.public_key()), entry_of(long)):
        with pytest.raises(LinegateError, match="no key that can be used"):
            parse_jwks(json.dumps({"keys": [entry]}).encode())
    assert parse_jwks(json.dumps({"keys": [entry_of(long.public_key())]}).encode()).keys() == {"k"}
