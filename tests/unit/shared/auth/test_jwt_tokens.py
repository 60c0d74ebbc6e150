"""JWTs against a real key set on a real HTTP server: what is taken, and every attack that is not."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from shared.auth import Principal, Role, TokenRejected
from shared.auth.jwks import JwksUrl
from shared.auth.jwt_tokens import JwtTokens
from tests.unit.shared.auth.provider import AUDIENCE, ISSUER, RSA_KEY, Provider, segment

Forge = Callable[[Provider], str]


def tokens(provider: Provider, **claims: str) -> JwtTokens:
    """A verifier that trusts `provider`."""
    return JwtTokens(JwksUrl(provider.url), issuer=ISSUER, audience=AUDIENCE, **claims)  # type: ignore[arg-type]  # names


def principal(provider: Provider, token: str, **claims: str) -> Principal:
    """Whose token it is."""
    return asyncio.run(tokens(provider, **claims).principal(token))


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1", "ed-1"])
def test_a_good_token_is_its_owner(provider: Provider, kid: str) -> None:
    """Each kind of signature that is taken: the positive control of every refusal below."""
    found = principal(provider, provider.token(kid, roles=["operator", "camera"], plants=["munich", "puebla"]))
    assert found == Principal("jwt:mueller", frozenset({Role.OPERATOR, Role.CAMERA}), frozenset({"munich", "puebla"}))


def test_audience_may_be_one_of_several_and_clocks_may_differ(provider: Provider) -> None:
    """A list of audiences with ours in it, and half of the leeway on either side, are good."""
    moment = datetime.now(UTC)
    token = provider.token(
        aud=["other", AUDIENCE], exp=moment - timedelta(seconds=15), nbf=moment + timedelta(seconds=15)
    )
    assert principal(provider, token).subject == "jwt:mueller"


def public_pem(provider: Provider) -> bytes:
    """The provider's RSA key as everybody can have it."""
    key: rsa.RSAPrivateKey = provider.keys["rsa-1"][1]
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def unsigned(alg: str) -> Forge:
    """A token without a signature."""

    def forge(_: Provider) -> str:
        return f"{segment({'alg': alg, 'typ': 'JWT', 'kid': 'rsa-1'})}.{segment(Provider.claims())}."

    return forge


def signed_with_the_public_key(provider: Provider) -> str:
    """The classic confusion: HS256 with the RSA public key as its secret."""
    head = segment({"alg": "HS256", "typ": "JWT", "kid": "rsa-1"})
    message = f"{head}.{segment(Provider.claims())}"
    return f"{message}.{segment(hmac.new(public_pem(provider), message.encode(), hashlib.sha256).digest())}"


def signed_by_a_stranger(_: Provider) -> str:
    """The right kid, another key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(Provider.claims(), key, "RS256", headers={"kid": "rsa-1"})


def with_its_own_key_in_the_header(_: Provider) -> str:
    """`jwk`, `jku` and `x5u` offer the attacker's key; nobody looks."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    header = {"kid": "evil", "jwk": {**own, "kid": "evil"}, "jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"}
    return jwt.encode(Provider.claims(), key, "ES256", headers=header)


def with_another_algorithm_for_the_key(provider: Provider) -> str:
    """The kid of the RSA key under ES256, signed with a key of the attacker's own."""
    del provider
    return jwt.encode(Provider.claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "rsa-1"})


def with_changed_claims(provider: Provider) -> str:
    """A good token whose claims were changed afterwards."""
    head, _, signature = provider.token().split(".")
    return f"{head}.{segment(Provider.claims(roles=['engineer'], plants=['*']))}.{signature}"


def with_crit(provider: Provider) -> str:
    """An extension that must be understood, and is not (RFC 7515, 4.1.11)."""
    return provider.token(header={"crit": ["exp"], "exp": 1})


def of(**changed: Any) -> Forge:
    """A token with a good signature and these claims."""
    return lambda provider: provider.token(**changed)


def under(kid: Any) -> Forge:
    """A token whose header names this kid (None: none), and nothing else wrong."""

    def forge(provider: Provider) -> str:
        head = {"alg": "RS256", "typ": "JWT"} | ({} if kid is None else {"kid": kid})
        message = f"{segment(head)}.{segment(Provider.claims())}"
        signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
            message.encode(), provider.keys["rsa-1"][1]
        )
        return f"{message}.{segment(signature)}"

    return forge


EARLIER = datetime.now(UTC) - timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (unsigned("none"), "is not signed with one of"),
        (unsigned("None"), "is not signed with one of"),
        (unsigned("nOnE"), "is not signed with one of"),
        (unsigned("RS256"), "is not valid"),
        (signed_with_the_public_key, "is not signed with one of"),
        (signed_by_a_stranger, "is not valid"),
        (with_its_own_key_in_the_header, "not signed by the identity provider"),
        (with_another_algorithm_for_the_key, "is not valid"),
        (with_changed_claims, "is not valid"),
        (with_crit, "neither a key nor a JWT"),
        (under(None), "no kid"),
        (under(7), "neither a key nor a JWT"),
        (under(["rsa-1"]), "neither a key nor a JWT"),
        (under("unknown"), "not signed by the identity provider"),
        (under("../../../../dev/null"), "not signed by the identity provider"),
        (under("rsa-1' OR '1'='1"), "not signed by the identity provider"),
        (under("http://127.0.0.1:9/jwks"), "not signed by the identity provider"),
        (under(""), "not signed by the identity provider"),
        (of(exp=EARLIER), "has expired"),
        (of(nbf=LATER), "is not valid yet"),
        (of(iat=LATER), "is not valid yet"),
        (of(aud="other"), "another audience"),
        (of(aud=["other", "linegate2"]), "another audience"),
        (of(iss="https://evil.example"), "another issuer"),
        (of(iss=f"{ISSUER}/"), "another issuer"),
        (of(exp="soon"), "is not valid"),
        (of(exp=None), "lacks the claim exp"),
        (of(iat=None), "lacks the claim iat"),
        (of(sub=None), "lacks the claim sub"),
        (of(aud=None), "lacks the claim aud"),
        (of(iss=None), "lacks the claim iss"),
        (of(sub=""), "subject"),
        (of(sub="a\nb"), "subject"),
        (of(sub="x" * 256), "subject"),
    ],
)
def test_an_attack_is_refused(provider: Provider, forge: Forge, told: str) -> None:
    """Each of them, for its own reason, and without a word of the token in it."""
    token = forge(provider)
    with pytest.raises(TokenRejected, match=told) as caught:
        principal(provider, token)
    assert not any(part and part in caught.value.line for part in token.split("."))


def test_the_forger_of_kids_signs_well(provider: Provider) -> None:
    """The negative control of `under`: with the right kid its token is good."""
    assert principal(provider, under("rsa-1")(provider)).subject == "jwt:mueller"


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "weak", "alg": "HS256", "k": segment(b"x" * 32)},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"alg": "HS256"},
    ],
)
def test_a_key_for_something_else_verifies_nothing(provider: Provider, entry: dict[str, Any]) -> None:
    """Shared secrets, encryption keys and other algorithms in the key set are passed over."""
    jwks = provider.jwks()
    rsa_key = next(key for key in jwks["keys"] if key["kid"] == "rsa-1")
    changed = entry if "kty" in entry else {**rsa_key, **entry, "kid": "weak"}
    provider.body = json.dumps({"keys": [changed, *jwks["keys"]]}).encode()
    secret = b"x" * 32 if "kty" in entry else RSA_KEY
    algorithm = "HS256" if "kty" in entry else "RS256"
    token = jwt.encode(Provider.claims(), secret, algorithm, headers={"kid": "weak"})
    with pytest.raises(TokenRejected):
        principal(provider, token)
    assert principal(provider, provider.token()).subject == "jwt:mueller"


@pytest.mark.parametrize(
    ("claims", "roles", "plants"),
    [
        ({"roles": None}, set(), {"munich"}),
        ({"plants": None}, {Role.OPERATOR}, set()),
        (
            {"roles": "operator engineer", "plants": "munich puebla"},
            {Role.OPERATOR, Role.ENGINEER},
            {"munich", "puebla"},
        ),
        ({"roles": ["admin", "Operator", 7, None]}, set(), {"munich"}),
        ({"roles": {"operator": True}, "plants": 7}, set(), set()),
        ({"plants": ["*"]}, {Role.OPERATOR}, {"*"}),
        ({"plants": [["*"], {"*": 1}]}, {Role.OPERATOR}, set()),
    ],
)
def test_roles_and_plants_are_read_strictly(
    provider: Provider, claims: dict[str, Any], roles: set[Role], plants: set[str]
) -> None:
    """What is missing or odd gives nothing; it never gives more."""
    found = principal(provider, provider.token(**claims))
    assert (found.roles, found.plants) == (roles, plants)


def test_the_claims_names_are_settings(provider: Provider) -> None:
    """Inside another claim, as Keycloak does, or under a URL with dots, as Auth0 does."""
    token = provider.token(
        roles=None, realm_access={"roles": ["engineer"]}, plants=None, **{"https://linegate.example/plants": ["puebla"]}
    )
    found = principal(provider, token, roles_claim="realm_access.roles", plants_claim="https://linegate.example/plants")
    assert (found.roles, found.plants) == ({Role.ENGINEER}, {"puebla"})


@given(st.text(max_size=60) | st.builds(".".join, st.lists(st.text(max_size=20), min_size=2, max_size=4)))
def test_whatever_else_is_sent_is_refused(text: str) -> None:
    """No text makes verification fail in any other way; the key set is not even asked."""
    verifier = JwtTokens(JwksUrl("http://127.0.0.1:9/"), issuer=ISSUER, audience=AUDIENCE)
    with pytest.raises(TokenRejected):
        asyncio.run(verifier.principal(text))
