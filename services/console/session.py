"""The session: a bearer token in an encrypted cookie, checked anew at each request. Nothing is kept here."""

import base64
import hashlib
import json
import secrets
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

from shared.settings.console import ConsoleSettings

COOKIE: Final = "linegate_session"
LONGEST_TOKEN: Final = 2700
"""Encrypted it must fit into a cookie of 4096 bytes (RFC 6265, 6.1)."""


class Sessions:
    """Makes and reads session cookies. The cookie holds the token, so that what its owner may do is never older than
    the authenticator's word on it.

    Args:
        settings: of the console.
    """  # noqa: D205 - one sentence more

    def __init__(self, settings: ConsoleSettings) -> None:
        secret = secrets.token_urlsafe(32) if settings.secret is None else settings.secret.get_secret_value()
        # Fernet wants exactly 32 bytes: the secret is a long random text already, so a digest is enough.
        self._fernet: Final = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
        self._seconds: Final = int(settings.session_h * 3600)
        self._secure: Final = settings.origin is not None and settings.origin.startswith("https:")

    def begin(self, request: Request, response: Response, token: str) -> None:
        """Let `response` begin a session.

        Args:
            request: that it answers.
            response: gets the cookie.
            token: at most `LONGEST_TOKEN` characters.
        """
        sealed = self._fernet.encrypt(json.dumps({"token": token}).encode()).decode()
        response.set_cookie(
            COOKIE,
            sealed,
            max_age=self._seconds,
            path="/",
            secure=self._secure or request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def end(self, response: Response) -> None:
        """Let `response` end the session."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")

    def token(self, request: Request) -> str | None:
        """The token of a request's session; None where there is no session, or none of ours, or it is too old."""
        sealed = request.cookies.get(COOKIE)
        if sealed is None:
            return None
        try:
            content = json.loads(self._fernet.decrypt(sealed.encode(), ttl=self._seconds))
        except (InvalidToken, ValueError):
            return None
        token = content.get("token") if isinstance(content, dict) else None
        return token if isinstance(token, str) else None
