"""The other side: how our own commands show a gateway who they are."""

from collections.abc import Generator
from typing import Final

import httpx
from pydantic import SecretStr

from shared.errors import LinegateError
from shared.settings.sections import ClientSettings


class BearerAuth(httpx.Auth):
    """Adds `Authorization: Bearer` to every request; httpx drops it where a redirect leads to another host.

    Args:
        token: the bearer token.
    """

    def __init__(self, token: SecretStr) -> None:
        self._token: Final = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One request, with the token."""
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


def client_auth(settings: ClientSettings) -> BearerAuth | None:
    """What the settings give to show; None where that is nothing.

    Raises:
        LinegateError: that cannot be a token.
    """
    if settings.token is None:
        return None
    text = settings.token.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise LinegateError(
            "the token is not one word of printable ASCII",
            hint="LINEGATE_TOKEN holds a token, LINEGATE_TOKEN_FILE names a file that holds nothing else",
        )
    return BearerAuth(settings.token)
