"""From a bearer token to a principal, by whatever the settings name: a file of keys, an identity provider, or both."""

from typing import Protocol

from shared.auth.errors import TokenMissing, TokenRejected
from shared.auth.jwks import JwksFile, JwksUrl, KeySource
from shared.auth.jwt_tokens import JwtTokens
from shared.auth.key_file import TOKEN_PREFIX
from shared.auth.principal import ANYONE, Principal
from shared.auth.static_keys import StaticKeys
from shared.errors import LinegateError
from shared.settings.sections import AuthSettings

_LONGEST_TOKEN = 16 * 1024


class Authenticator(Protocol):
    """Tells who asks."""

    async def principal(self, token: str | None, /) -> Principal:
        """Who sent `token`.

        Args:
            token: as it stood behind `Authorization: Bearer`; None where there was none.

        Raises:
            TokenMissing: there was none, and one is needed.
            TokenRejected: it is not valid.
            IdentityProviderAway: that cannot be told now.
        """
        ...


class TokenAuthenticator:
    """Keys that begin with `lg_` by the file, everything else as a JWT.

    Args:
        keys: static keys, where there are any.
        tokens: JWTs, where they are taken.
    """

    def __init__(self, keys: StaticKeys | None, tokens: JwtTokens | None) -> None:
        self._keys = keys
        self._tokens = tokens

    async def principal(self, token: str | None, /) -> Principal:
        """Who sent `token`; see `Authenticator`."""
        if not token:
            raise TokenMissing("no token was sent")
        if len(token) > _LONGEST_TOKEN:
            raise TokenRejected("the token is too long")
        if token.startswith(TOKEN_PREFIX):
            if self._keys is not None:
                return self._keys.principal(token)
        elif self._tokens is not None:
            return await self._tokens.principal(token)
        raise TokenRejected("tokens of this kind are not taken here")


class NoAuthentication:
    """Everybody is anyone, and anyone may do everything."""

    async def principal(self, _token: str | None, /) -> Principal:
        """Anyone."""
        return ANYONE


def make_authenticator(settings: AuthSettings) -> Authenticator:
    """What the settings ask for.

    Raises:
        LinegateError: they ask for nothing, or for a file that is not usable.
    """
    if settings.mode == "off":
        return NoAuthentication()
    if settings.keys_file is None and settings.issuer is None:
        raise LinegateError(
            "nothing says who may use this service",
            hint="set auth.keys_file (`linegate keys new` makes a key and its file), or auth.issuer, auth.audience and "
            "auth.jwks; auth.mode = off lets everybody in (docs/security-http.md)",
        )
    keys = None if settings.keys_file is None else StaticKeys(settings.keys_file)
    return TokenAuthenticator(keys, _jwt_tokens(settings))


def _jwt_tokens(settings: AuthSettings) -> JwtTokens | None:
    if settings.issuer is None or settings.audience is None or settings.jwks is None:
        return None
    source: KeySource = (
        JwksUrl(settings.jwks, ca=settings.jwks_ca) if "://" in settings.jwks else JwksFile(settings.jwks_path)
    )
    return JwtTokens(
        source,
        issuer=settings.issuer,
        audience=settings.audience,
        roles_claim=settings.roles_claim,
        plants_claim=settings.plants_claim,
        leeway_s=settings.leeway_s,
    )
