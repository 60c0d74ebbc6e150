"""The table of a plan as one page: no network, sortable by a few lines of script that the page itself permits."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from shared.files import write_atomically
from training.many.rows import RECALL, Row, figure

NAME: Final = "index.html"
TEMPLATE: Final = "many.html.j2"
SCRIPT: Final = "many.js"


def write_page(folder: Path, rows: Sequence[Row], *, plan: str, when: datetime) -> Path:
    """Write it into the plan's folder; answers its path.

    Raises:
        OSError: the disk says no.
    """
    path = folder / NAME
    write_atomically(path, render_page(rows, plan=plan, when=when).encode())
    return path


def render_page(rows: Sequence[Row], *, plan: str, when: datetime) -> str:
    """The page as HTML text.

    Args:
        rows: in the order of the plan.
        plan: its name.
        when: the page is of.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = resources.files("training").joinpath("templates", SCRIPT).read_text(encoding="utf-8").strip()
    return environment.get_template(TEMPLATE).render(
        rows=rows,
        plan=plan,
        when=when,
        figure=figure,
        recall=RECALL,
        counts={status: sum(row.status == status for row in rows) for status in dict.fromkeys(r.status for r in rows)},
        script=Markup(script),  # noqa: S704 - our own file
        # Only this script may run: a page opened from disk otherwise trusts whatever got into it.
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
