"""What is to be translated: every message of the console's code and templates, each in its page's catalogue.

`python -m services.console.catalogue` adds what is missing to `locales/de/*.po`, with nothing said yet, and drops what
is no longer used. Messages of `pages/<name>` go to `<name>.po`, all others to `core.po`.
"""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.console.words import LOCALES

HERE: Final = Path(__file__).parent
METHODS: Final = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
OPTIONS: Final = {
    "**.html": {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols"}
}
KEYWORDS: Final = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
CORE: Final = "core"
WRITTEN: Final = datetime(2026, 11, 24, tzinfo=UTC)
"""In every catalogue: what is the same is written the same."""


def messages() -> dict[str, Catalog]:
    """What the code says, by catalogue."""
    found: dict[str, Catalog] = {}
    rows = extract_from_dir(HERE, METHODS, OPTIONS, keywords=KEYWORDS)
    # The core first: what it says, no page says again. Two pages may well say the same, each in its own catalogue.
    for name, row in sorted(((_catalogue_of(row[0]), row) for row in rows), key=lambda one: one[0] != CORE):
        message = row[2]
        if message and (name == CORE or CORE not in found or message not in found[CORE]):
            found.setdefault(name, Catalog(locale="de", domain=name)).add(message)
    return found


def catalogue(language: str, name: str) -> Catalog:
    """What is translated by now."""
    path = LOCALES / language / f"{name}.po"
    if not path.is_file():
        return Catalog(locale=language, domain=name)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def missing(language: str) -> list[str]:
    """Messages without a translation, with the catalogue that they belong to."""
    said = _said(language)
    return [
        f"{name}: {message.id}"
        for name, wanted in messages().items()
        for message in wanted
        if message.id and not _whole(said.get(_first(message.id)))
    ]


def update(language: str) -> None:
    """Write each catalogue anew: what is translated stays, what is missing is added, what is unused goes."""
    said = _said(language)
    for name, wanted in messages().items():
        new = Catalog(locale=language, domain=name, creation_date=WRITTEN, revision_date=WRITTEN)
        for message in wanted:
            if message.id:
                new.add(message.id, said.get(_first(message.id)))
        path = LOCALES / language / f"{name}.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, new, width=100, sort_output=True, no_location=True)


def _said(language: str) -> dict[str, str | tuple[str, ...]]:
    """Every translation there is, of all catalogues: a message may move from one page to another."""
    found: dict[str, str | tuple[str, ...]] = {}
    for path in sorted((LOCALES / language).glob("*.po")):
        for message in catalogue(language, path.stem):
            if message.id and not message.fuzzy and _whole(message.string):
                found[_first(message.id)] = (
                    message.string if isinstance(message.string, str) else tuple(message.string or ())
                )
    return found


def _first(message: str | tuple[str, ...] | list[str]) -> str:
    return message if isinstance(message, str) else message[0]


def _whole(said: str | tuple[str, ...] | list[str] | None) -> bool:
    """Whether a translation says something, in the plural as well."""
    return bool(said) and (isinstance(said, str) or all(said or ()))


def _catalogue_of(file: str) -> str:
    parts = Path(file).parts
    return parts[1] if parts[0] == "pages" and len(parts) > 2 else CORE


if __name__ == "__main__":
    update("de")
    lacking = missing("de")
    print("\n".join(lacking) or "all is translated")  # noqa: T201 - a tool of developers
    sys.exit(bool(lacking))
