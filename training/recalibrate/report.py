"""A recalibration on a page, and on the terminal. The page is self-contained: no script, no network, light and dark."""

from collections.abc import Mapping
from typing import Final

import jinja2
import numpy as np
from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.events import Finding, label_of
from training import plots
from training.recalibrate.choice import Choice
from training.recalibrate.labels import FieldLabels
from training.recalibrate.wording import caveats, headline, sentences

TEMPLATE: Final = "recalibration.html.j2"
NAME: Final = "recalibration.html"
MEANINGS: Final[Mapping[Finding, str]] = {
    "confirmed_damage": "rejected, and damaged",
    "false_alarm": "rejected, and good",
    "missed_damage": "passed, and damaged",
    "confirmed_good": "passed, and good",
}


def render(choice: Choice, labels: FieldLabels, *, former: str, version: str, digest: str, place: str) -> str:
    """The page as HTML text.

    Args:
        choice: what was chosen.
        labels: of what.
        former: name of the version that judged.
        version: name of the new one.
        digest: sha256 of its bundle.
        place: the key that the labels are from.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own SVG, made of numbers and fixed words: the only text that is not escaped.
    picture = Markup(histogram(choice, labels))  # noqa: S704
    return environment.get_template(TEMPLATE).render(
        former=former,
        version=version,
        digest=digest,
        place=place,
        headline=headline(choice),
        sentences=sentences(choice, labels),
        caveats=caveats(choice),
        findings=[(name, MEANINGS[name], count) for name, count in labels.findings.items()],
        latest=labels.latest,
        picture=picture,
    )


def histogram(choice: Choice, labels: FieldLabels) -> str:
    """Scores of labelled parts with the old threshold and the new one, as SVG."""
    chosen = choice.present if choice.chosen is None else choice.chosen
    good, damaged = labels.scores[~labels.damaged], labels.scores[labels.damaged]
    return plots.histogram(good, damaged, chosen.threshold, former=choice.present.threshold)


def print_summary(console: Console, choice: Choice, labels: FieldLabels, *, former: str, place: str) -> None:
    """The same on the terminal. Everything that comes from outside is printed as plain text."""
    table = Table(title=Text(f"{former} at {place}: what people found"), title_justify="left")
    for column in ("finding", "", "parts", "lowest score", "highest"):
        table.add_column(column, justify="right" if column in ("parts", "lowest score", "highest") else "left")
    for name, scores in (("good", labels.scores[~labels.damaged]), ("damaged", labels.scores[labels.damaged])):
        for kind in (kind for kind in MEANINGS if label_of(kind) == name):
            table.add_row(kind, MEANINGS[kind], str(labels.findings[kind]), "", "")
        ends = (f"{np.min(scores):.6g}", f"{np.max(scores):.6g}") if len(scores) else ("-", "-")
        table.add_row(Text(f"all {name}", style="bold"), "", str(len(scores)), *ends, end_section=True)
    console.print(table)
    console.print(Text(headline(choice), style="bold"))
    for sentence in sentences(choice, labels):
        console.print(Text(f"  {sentence}"))
    for caveat in caveats(choice):
        console.print(Text(f"  note: {caveat}", style="yellow"))
