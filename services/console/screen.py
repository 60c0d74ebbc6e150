"""Templates, rendered in the visitor's language."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from services.console import charts
from services.console.visitor import visitor_of
from services.console.words import LANGUAGES, Words
from shared.auth import Permission
from shared.events import now
from shared.settings import Settings

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
STYLES: Final = ("tokens", "layout", "components", "charts", "pages")
THEME_COOKIE: Final = "linegate_theme"
FILTERS: Final = ("time", "clock", "date", "day", "short", "ago", "number", "percent", "duration")


@dataclass(frozen=True)
class Toast:
    """A word that appears and goes by itself. Errors stay until they are closed."""

    text: str
    kind: Literal["ok", "info", "error"] = "ok"
    hint: str = ""

    def header(self) -> dict[str, str]:
        """As a response header, from which the browser shows it (htmx: `HX-Trigger`)."""
        return {"HX-Trigger": json.dumps({"toast": asdict(self)})}


@dataclass(frozen=True)
class Entry:
    """One entry of the menu."""

    name: str
    label: str
    icon: str
    href: str
    current: bool


class Screen:
    """Renders pages and parts of them.

    Args:
        settings: of the process.
        languages: by code.
        pages: of the menu: name, label, icon and permission of each.
    """

    def __init__(
        self, settings: Settings, languages: Mapping[str, Words], pages: tuple[tuple[str, str, str, Permission], ...]
    ) -> None:
        self._title: Final = settings.console.title
        self._pages: Final = pages
        self._environments: Final = {code: _environment(words) for code, words in languages.items()}

    def page(
        self,
        request: Request,
        template: str,
        /,
        *,
        words: Words | None = None,
        status: int = 200,
        toast: Toast | None = None,
        menu_page: str | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """A page, or a part of one: what `template` is.

        Args:
            request: that it answers.
            template: e.g. `fails/page.html`, in `pages/fails/`.
            words: where nobody has come through the door; else the visitor's.
            status: of the answer.
            toast: to be shown beside it.
            menu_page: which entry of the menu it belongs to, where its path does not tell.
            context: names for the template. It has more of its own: `visitor`, `words`, `menu`, `now`, `link`, ...
        """
        visitor = getattr(request.state, "visitor", None)
        spoken: Words = words if words is not None else visitor_of(request).words
        here = menu_page or request.url.path.strip("/").split("/")[0]
        own = {
            "title": self._title,
            "visitor": visitor,
            "words": spoken,
            "menu": self._menu(visitor, here),
            "theme": _theme(request),
            "now": now(),
            "position": getattr(request.state, "position", ""),
            "link": partial(_link, visitor),
            "path": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "Permission": Permission,
        }
        html = self._environments[spoken.language].get_template(template).render({**own, **context})
        headers = {"Vary": "Cookie, Accept-Language, HX-Request"} | ({} if toast is None else toast.header())
        return HTMLResponse(html, status, headers=headers)

    def _menu(self, visitor: Any, here: str) -> list[Entry]:
        if visitor is None:
            return []
        return [
            Entry(name, visitor.words._(label), icon, _link(visitor, f"/{name}"), name == here)
            for name, label, icon, permission in self._pages
            if visitor.has(permission)
        ]


def _environment(words: Words) -> Environment:
    # Both folders, so that `fails/page.html` lies beside the code of its page, and `base.html` is everybody's.
    loader = ChoiceLoader([FileSystemLoader(HERE / "templates"), FileSystemLoader(HERE / "pages")])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # of the i18n extension
    environment.filters.update({name: getattr(words, name) for name in FILTERS})
    environment.filters["datetime"] = words.full
    environment.filters["plant_name"] = words.plant
    environment.filters["seg"] = partial(quote, safe="")
    environment.filters["person"] = person
    environment.globals.update(
        static=_static_url,
        styles=[_static_url(f"css/{name}.css") for name in STYLES],
        languages=LANGUAGES,
        charts=charts,
        iso=_iso,
    )
    return environment


_digests: dict[str, str] = {}


def _static_url(name: str) -> str:
    """The address of a file in `static/`, which changes with its content: browsers may keep it for ever."""
    if name not in _digests:
        _digests[name] = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={_digests[name]}"


def _link(visitor: Any, path: str, **query: object) -> str:
    """An address within the console, with the plant that is looked at."""
    chosen = {"plant": visitor.plant} if visitor is not None and visitor.plant and len(visitor.plants) > 1 else {}
    wanted = {name: value for name, value in {**chosen, **query}.items() if value is not None}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def _theme(request: Request) -> str:
    found = request.cookies.get(THEME_COOKIE, "auto")
    return found if found in ("light", "dark") else "auto"


def _iso(moment: datetime) -> str:
    """For `<time datetime>`."""
    return moment.isoformat(timespec="seconds")


def person(subject: str) -> str:
    """Whoever did something, for people: without how they signed in."""
    return subject.removeprefix("key:").removeprefix("jwt:")
