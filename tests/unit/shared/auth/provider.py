"""An identity provider for tests: real keys, real signatures, and a real HTTP server for the key set."""

import base64
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER: Final = "https://id.example"
AUDIENCE: Final = "linegate"
_ALGORITHMS: Final = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
RSA_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""Made once: it takes a moment."""


class Provider:
    """Signs tokens and serves the public keys at `url`; a context manager.

    `keys` maps a kid to (algorithm, private key) and may be changed at any time. `answers` counts the fetches; `status`
    and `body` replace what is served.
    """

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any]] = {
            "rsa-1": ("RS256", RSA_KEY),
            "ec-1": ("ES256", ec.generate_private_key(ec.SECP256R1())),
            "ed-1": ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
        }
        self.answers = 0
        self.status = 200
        self.body: bytes | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Of the key set."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/jwks"

    def jwks(self) -> dict[str, Any]:
        """The key set."""
        entries = []
        for kid, (algorithm, key) in self.keys.items():
            entry = json.loads(_ALGORITHMS[algorithm].to_jwk(key.public_key()))
            entries.append({**entry, "kid": kid, "alg": algorithm, "use": "sig"})
        return {"keys": entries}

    def token(self, kid: str = "rsa-1", *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token for an operator of munich, changed by `claims`; a claim of None is left out."""
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**claims), key, algorithm, headers={"kid": kid, **(header or {})})

    @staticmethod
    def claims(**changed: Any) -> dict[str, Any]:
        """The claims of a good token, changed; None leaves one out."""
        moment = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "mueller",
            "iat": moment,
            "exp": moment + timedelta(minutes=5),
            "roles": ["operator"],
            "plants": ["munich"],
        }
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answers += 1
                body = json.dumps(provider.jwks()).encode() if provider.body is None else provider.body
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(body)))
                if provider.status in (301, 302):
                    self.send_header("Location", provider.url)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Go away: nobody listens at `url` any more. May be called twice."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def segment(value: Any) -> str:
    """One part of a JWT: JSON, or bytes as they are, in base64url without padding."""
    raw = value if isinstance(value, bytes) else json.dumps(value, default=lambda at: int(at.timestamp())).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
