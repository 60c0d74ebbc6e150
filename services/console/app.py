"""The application: pages, live feed and errors, around the parts that it is handed. It starts and stops nothing."""

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.console.answers import Answers
from services.console.deps import Deps
from services.console.door import Door, needs
from services.console.entrance import entrance
from services.console.live.routes import live_routes
from services.console.pages import PAGES
from services.console.screen import STATIC, Screen
from services.console.session import Sessions
from services.console.shield import Shield
from services.console.words import LANGUAGES, Words
from shared.auth import Authenticator
from shared.settings import Settings

MakeDeps = Callable[[Screen], Deps]


class _Kept(StaticFiles):
    """Files whose addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if scope.get("query_string"):
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer


def create_app(settings: Settings, authenticator: Authenticator, make_deps: MakeDeps) -> FastAPI:
    """Make the application.

    Args:
        settings: of the process.
        authenticator: tells who asks.
        make_deps: puts the parts of the pages together, given the screen.
    """
    languages = {code: Words(code, settings.plants) for code in LANGUAGES}
    screen = Screen(settings, languages, tuple((page.name, page.label, page.icon, page.permission) for page in PAGES))
    deps = make_deps(screen)
    sessions = Sessions(settings.console)
    live = deps.live
    door = Door(
        settings, authenticator, sessions, languages, plants=live.plants, position=lambda: live.changes.position
    )
    app = FastAPI(title="Linegate console", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Shield, origin=settings.console.origin)
    Answers(screen, door).install(app)
    app.mount("/static", _Kept(directory=STATIC), name="static")
    app.include_router(entrance(settings, screen, door, sessions))
    app.include_router(live_routes(live.changes, clients=settings.console.clients), dependencies=[Depends(door)])
    for page in PAGES:
        behind: list[Any] = [Depends(door), Depends(needs(page.permission))]
        app.include_router(page.routes(deps), dependencies=behind)

    @app.get("/", dependencies=[Depends(door)])
    async def first(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{PAGES[0].name}{query}", 303)

    return app
