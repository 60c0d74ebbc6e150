"""Every page is behind this door: who visits, in which language, at which plant."""

from collections.abc import Callable, Iterable
from typing import Final

import structlog
from fastapi import Request

from services.console.problems import Forbidden, PageError, SignInNeeded
from services.console.session import Sessions
from services.console.visitor import Visitor, readable
from services.console.words import N_, Words, pick_language
from shared.auth import Authenticator, IdentityProviderAway, Permission, Principal, TokenMissing, TokenRejected
from shared.settings import Settings

LANGUAGE_COOKIE: Final = "linegate_language"
_log = structlog.get_logger(__name__)


class Door:
    """A dependency of every page's router.

    Args:
        settings: of the process.
        authenticator: tells who asks.
        sessions: reads cookies.
        languages: by code.
        plants: names every plant that is known.
        position: where the present stands, for a page that will follow it.
    """

    def __init__(
        self,
        settings: Settings,
        authenticator: Authenticator,
        sessions: Sessions,
        languages: dict[str, Words],
        *,
        plants: Callable[[], Iterable[str]],
        position: Callable[[], str],
    ) -> None:
        self._off: Final = settings.auth.mode == "off"
        self._default: Final = settings.console.language
        self._authenticator: Final = authenticator
        self._sessions: Final = sessions
        self._languages: Final = languages
        self._plants: Final = plants
        self._position: Final = position

    def words(self, request: Request) -> Words:
        """The words that a request is to be answered in."""
        wanted = request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language")
        return self._languages[pick_language(*wanted, self._default)]

    async def __call__(self, request: Request) -> Visitor:
        """Let a visitor in, and remember them for this request.

        Raises:
            SignInNeeded: nobody is signed in.
            PageError: who it is cannot be told now, or they ask for a plant that they may not see.
        """
        # Before anything is looked up: what changes from here on, the page asks for anew.
        request.state.position = self._position()
        principal = await self.principal(self._sessions.token(request))
        plants = readable(principal, self._plants())
        plant = request.query_params.get("plant") or None
        if plant is not None and not principal.may(Permission.READ_VERDICT, plant):
            raise Forbidden(Permission.READ_VERDICT, plant)
        visitor = Visitor(
            principal=principal,
            words=self.words(request),
            plants=plants,
            plant=plant if plant is not None else (plants[0] if len(plants) == 1 else None),
            signed_in=not self._off,
        )
        request.state.visitor = visitor
        return visitor

    async def principal(self, token: str | None) -> Principal:
        """Whose token it is.

        Raises:
            SignInNeeded: it is none, or no longer valid.
            PageError: that cannot be told now.
        """
        try:
            return await self._authenticator.principal(token)
        except TokenMissing:
            raise SignInNeeded from None
        except TokenRejected as error:
            _log.warning("not let in", reason=str(error))
            raise SignInNeeded(N_("This key is not valid, or no longer.")) from None
        except IdentityProviderAway as error:
            _log.error("cannot tell who asks", error=str(error), hint=error.hint)
            raise PageError(
                503,
                N_("Who you are cannot be told now: the identity provider is away"),
                hint=N_("Try again in a moment."),
            ) from None


def needs(permission: Permission) -> Callable[[Request], None]:
    """A dependency behind the door: whoever has the permission at no plant at all is told so."""

    def check(request: Request) -> None:
        visitor: Visitor = request.state.visitor
        if not visitor.has(permission):
            raise Forbidden(permission, None)

    return check
