"""The pages, and the menu that is made from them.

To add a page:

1. A folder `pages/<name>/` with `routes.py`, `view.py`, its templates (`page.html` and parts) and `__init__.py`.
   `view.py` is pure: records in, what the template shows out (frozen dataclasses); times stay `datetime`, numbers stay
   numbers, and the template says them: `{{ moment|time(plant) }}`, `|ago`, `|number(1)`, `|percent`, `|duration`.
2. `routes(deps)` in `routes.py` makes an `APIRouter` whose paths begin with `/<name>`. Handlers take
   `request: Request, visitor: Here` and answer `deps.screen.page(request, "<name>/page.html", ...)`. Handlers that ask
   Redis are plain `def` (they run on a thread); those that read memory are `async def`. Everyone has come through the
   door and has the page's permission somewhere; at the plant concerned ask `visitor.must(permission, plant)`, and
   show only what `visitor.sees(plant)`. Raise `PageError` / `NotFound` (`problems.py`) or any `LinegateError`: the
   answer is a page, or a toast where htmx asked.
3. One line in `PAGES`. `label` goes through `N_`.
4. Templates extend `base.html` and fill `block content`; macros in `ui.html` (cards, badges, buttons, dialogs, fields)
   and `charts.html` (charts in SVG). No inline script, style or handler: the browser refuses them. Icons:
   `{{ ui.icon("bell") }}`, any symbol of `static/icons.svg`.
5. Parts that follow live: `<section id=... data-live="alerts" hx-get="{{ link('/alerts/list') }}" hx-trigger="live"
   hx-swap="morph">`. When the topic changes, or the connection is back, it is asked again; the answer is the same
   section. Who changes something tells `deps.live.changes.tell("alerts", plant)`.
6. After a POST from htmx answer the part with `toast=Toast(visitor.words._("Done"))`.
7. Messages: `_("...")` and `ngettext(...)` in templates (`{% trans %}` too), `visitor.words._("... %(name)s", name=x)`
   in Python. German goes to `locales/de/<name>.po`; `python -m services.console.catalogue` writes what is missing
   there. Styles of a page: `static/css/pages.css`, below a comment with its name.
8. `data-test="..."` on what browser tests hold on to.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from fastapi import APIRouter

from services.console.deps import Deps
from services.console.pages.alerts.routes import routes as alerts
from services.console.pages.fails.routes import routes as fails
from services.console.pages.history.routes import routes as history
from services.console.pages.line.routes import routes as line
from services.console.pages.rollouts.routes import routes as rollouts
from services.console.pages.subscriptions.routes import routes as subscriptions
from services.console.pages.training.routes import routes as training
from services.console.words import N_
from shared.auth import Permission


class Page(NamedTuple):
    """One entry of the menu."""

    name: str
    """Its path, and its folder."""
    label: str
    icon: str
    permission: Permission
    """Who has it nowhere does not see the page."""
    routes: Callable[[Deps], APIRouter]


PAGES: Final[tuple[Page, ...]] = (
    Page("line", N_("Lines"), "activity", Permission.READ_VERDICT, line),
    Page("fails", N_("Fails"), "octagon-x", Permission.READ_VERDICT, fails),
    Page("alerts", N_("Alerts"), "bell", Permission.READ_VERDICT, alerts),
    Page("history", N_("History"), "chart-line", Permission.READ_VERDICT, history),
    Page("rollouts", N_("Rollouts"), "git-branch", Permission.READ_VERDICT, rollouts),
    Page("training", N_("Training"), "graduation-cap", Permission.READ_VERDICT, training),
    Page("subscriptions", N_("Subscriptions"), "send", Permission.READ_VERDICT, subscriptions),
)
"""In the order of the menu; the first is the first that is seen."""
