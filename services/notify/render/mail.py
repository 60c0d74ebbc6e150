"""The texts of a mail: plain and HTML."""

from functools import cache
from typing import Literal

import jinja2

from services.notify.render.view import MailView

PictureState = Literal["shown", "missing", "none"]
"""`missing`: there should be one, but it did not come in time. `none`: no part is concerned."""


def plain_text(view: MailView, picture: PictureState) -> str:
    """For mail programs that show no HTML, and for those who read with their ears."""
    return _environment().get_template("mail.txt").render(view=view, picture=picture)


def html(view: MailView, picture: PictureState, *, cid: str) -> str:
    """A page of its own, with its styles at each element, as mail programs want it.

    Args:
        view: what it shows.
        picture: whether one is attached.
        cid: the attached picture's content id.
    """
    return _environment().get_template("mail.html").render(view=view, picture=picture, cid=cid)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("services.notify.render", "templates"),
        autoescape=jinja2.select_autoescape(["html"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
