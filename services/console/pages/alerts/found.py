"""One alert, for whoever may see it."""

from services.console.deps import Deps
from services.console.pages.alerts.view import visible
from services.console.problems import NotFound
from services.console.visitor import Visitor
from services.console.words import N_
from shared.alerts.errors import UnknownAlert
from shared.alerts.records import Alert

_NONE = N_("There is no such alert, or it was forgotten")


def found(deps: Deps, visitor: Visitor, alert_id: str) -> Alert:
    """The alert.

    Raises:
        NotFound: there is none, or the visitor may not see it.
    """
    try:
        alert = deps.book.alert(alert_id).record
    except UnknownAlert:
        raise NotFound(_NONE) from None
    if not visible(alert, visitor):
        raise NotFound(_NONE)
    return alert
