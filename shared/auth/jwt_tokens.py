"""JSON Web Tokens of an identity provider (RFC 7519), checked as RFC 8725 recommends."""

from collections.abc import Mapping
from typing import Any, Final

import jwt

from shared.auth.errors import TokenRejected
from shared.auth.jwks import ALGORITHMS, KeySource
from shared.auth.principal import Principal
from shared.auth.roles import Role

_REQUIRED: Final = ("iss", "aud", "sub", "iat", "exp")
_LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, 2: `sub` has at most 255 characters."""
_ROLE_NAMES: Final = frozenset(Role)


class JwtTokens:
    """Turns JWTs into principals.

    Args:
        keys: the identity provider's.
        issuer: the only `iss` that is taken.
        audience: must be `aud`, or in it.
        roles_claim: the claim that lists the roles; `realm_access.roles` means `roles` inside `realm_access`.
        plants_claim: the claim that lists the plants, `*` for all; likewise.
        leeway_s: seconds by which clocks may differ.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        roles_claim: str = "roles",
        plants_claim: str = "plants",
        leeway_s: float = 30,
    ) -> None:
        self._keys: Final = keys
        self._issuer: Final = issuer
        self._audience: Final = audience
        self._roles_claim: Final = roles_claim
        self._plants_claim: Final = plants_claim
        self._leeway_s: Final = leeway_s

    async def principal(self, token: str) -> Principal:
        """Whose token it is. Roles that are not ours are passed over: a provider has those of other systems, too.

        Raises:
            TokenRejected: it is not valid for us.
            IdentityProviderAway: that cannot be told now.
        """
        key = await self._keys.find(_key_id(token))
        if key is None:
            raise TokenRejected("the token is not signed by the identity provider")
        claims = self._claims(token, key)
        subject = claims["sub"]
        if not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise TokenRejected("the token's subject is not usable")
        roles = _words(_claim(claims, self._roles_claim)) & _ROLE_NAMES
        plants = _words(_claim(claims, self._plants_claim))
        return Principal(f"jwt:{subject}", frozenset(Role(role) for role in roles), plants)

    def _claims(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise TokenRejected(_told(error)) from None
        return claims


def _key_id(token: str) -> str:
    """The id of the key that the token says it is signed with; nothing else of its header is believed."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRejected("the token is neither a key nor a JWT") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenRejected(f"the token is not signed with one of {', '.join(ALGORITHMS)}")
    kid = header.get("kid")
    if not isinstance(kid, str) or "crit" in header:
        raise TokenRejected("the token's header has no kid, or a crit that is not understood")
    return kid


def _told(error: jwt.PyJWTError) -> str:
    """What the token's owner may know. All but the last are only told of tokens with a good signature."""
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case jwt.InvalidAudienceError():
            return "the token is for another audience"
        case jwt.InvalidIssuerError():
            return "the token is from another issuer"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {error.claim}"
        case _:
            return "the token is not valid"


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that very name (some providers name them by URL), else the one reached step by step."""
    if path in claims:
        return claims[path]
    held: Any = claims
    for step in path.split("."):
        held = held.get(step) if isinstance(held, Mapping) else None
    return held


def _words(value: Any) -> frozenset[str]:
    """A claim's words: a list of texts, or one text with spaces between (as RFC 8693 writes `scope`)."""
    listed = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in listed if isinstance(word, str))
