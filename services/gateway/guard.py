"""At the door of every route: who asks, what they may do, and where. Refusals are problems (RFC 9457, RFC 6750)."""

from typing import Annotated, Final

import structlog
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from services.gateway.problems import ProblemError
from shared.auth import Authenticator, IdentityProviderAway, Permission, Principal, TokenMissing, TokenRejected
from shared.errors import LinegateError

RETRY_SECONDS: Final = 10
BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="a key `lg_...` or a JWT",
    description="The list beside it in each operation names the permissions needed, at the plant concerned.",
)
_HINT: Final = (
    "Send Authorization: Bearer followed by a key (`linegate keys new`) or a token of the identity provider; the "
    "commands take theirs from LINEGATE_TOKEN or LINEGATE_TOKEN_FILE."
)
_log = structlog.get_logger(__name__)


class Guard:
    """A dependency: on a router it wants an identity, and with scopes (`Permission` names) also these permissions.

    Args:
        authenticator: tells who asks.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def __call__(
        self,
        request: Request,
        scopes: SecurityScopes,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
    ) -> Principal:
        """Whoever asks.

        Raises:
            ProblemError: 401 not known, 403 known and not permitted, 503 not to be told now.
        """
        principal: Principal | None = getattr(request.state, "principal", None)
        if principal is None:
            principal = request.state.principal = await self._identify(request, credentials)
        for scope in scopes.scopes:
            if not principal.has(Permission(scope)):
                raise _forbidden(request, principal, f"No role of yours has the permission {scope}.")
        return principal

    async def still(self, request: Request) -> Principal | None:
        """Whoever asks, looked at again, for answers that last; None where the token no longer lets them in."""
        known: Principal = request.state.principal
        credentials = await BEARER(request)
        try:
            return await self._authenticator.principal(None if credentials is None else credentials.credentials)
        except (TokenMissing, TokenRejected):
            _log.warning("no longer let in", subject=known.subject, **_of(request))
            return None
        except IdentityProviderAway:
            return known

    async def _identify(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Principal:
        if len(request.headers.getlist("authorization")) > 1:
            several = TokenRejected("more than one Authorization header was sent")
            raise _unauthorized(request, several, error="invalid_request")
        try:
            return await self._authenticator.principal(None if credentials is None else credentials.credentials)
        except TokenMissing as error:
            raise _unauthorized(request, error) from None
        except TokenRejected as error:
            raise _unauthorized(request, error, error="invalid_token") from None
        except IdentityProviderAway as error:
            _log.error("cannot tell who asks", error=str(error), hint=error.hint)
            raise ProblemError(
                503,
                "identity-provider-away",
                "The identity provider is away",
                detail="Whether the token is valid cannot be told now.",
                hint="Retry after the time in Retry-After.",
                retry_after=RETRY_SECONDS,
                headers=_unread(request),
            ) from None


def refuse_foreign_plant(request: Request, principal: Principal, permission: Permission, plant: str | None) -> None:
    """Let `principal` pass at `plant`; where that is not known (None), only whoever may everywhere.

    Raises:
        ProblemError: 403 where `permission` is not given there.
    """
    if not principal.may(permission, plant):
        raise _forbidden(request, principal, f"You have no permission {permission} at this plant.")


def _unauthorized(request: Request, reason: LinegateError, *, error: str | None = None) -> ProblemError:
    _log.warning("not let in", reason=str(reason), **_of(request))
    challenge = 'Bearer realm="linegate"' + (f', error="{error}"' if error else "")
    return ProblemError(
        401,
        "unauthenticated",
        "Who asks is not known",
        detail=f"{str(reason)[0].upper()}{str(reason)[1:]}.",
        hint=_HINT,
        headers={"WWW-Authenticate": challenge, **_unread(request)},
    )


def _forbidden(request: Request, principal: Principal, detail: str) -> ProblemError:
    _log.warning("not permitted", subject=principal.subject, reason=detail, **_of(request))
    return ProblemError(
        403,
        "forbidden",
        "This identity may not do that",
        detail=detail,
        hint="Ask whoever gave you the token for the role or the plant; docs/security-http.md has the table of roles.",
        headers={"WWW-Authenticate": 'Bearer realm="linegate", error="insufficient_scope"', **_unread(request)},
    )


def _of(request: Request) -> dict[str, str]:
    # Neither headers nor query: a token may stand there, also one that was put there by mistake.
    client = "" if request.client is None else request.client.host
    return {"method": request.method, "path": request.url.path, "client": client}


def _unread(request: Request) -> dict[str, str]:
    """A connection whose request body is not read cannot be used again."""
    has_body = "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
    return {"Connection": "close"} if has_body else {}
