"""What is to be translated: every message of the console's code and templates, each in its page's catalogue.

`python -m services.console.catalogue` adds what is missing to `locales/de/*.po`, with nothing said yet, and drops what
is no longer used. Messages of `pages/<name>` go to `<name>.po`, all others to `core.po`.
"""

import io
import sys
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


def messages() -> dict[str, Catalog]:
    """What the code says, by catalogue."""
    found: dict[str, Catalog] = {}
    seen: set[object] = set()
    rows = extract_from_dir(HERE, METHODS, OPTIONS, keywords=KEYWORDS)
    # The core first: what it says, no page needs to say again.
    for name, row in sorted(((_catalogue_of(row[0]), row) for row in rows), key=lambda one: (one[0] != CORE, one[0])):
        _, _, message, _, _ = row
        if not message or message in seen:
            continue
        seen.add(message)
        found.setdefault(name, Catalog(locale="de", domain=name)).add(message, locations=[])
    return found


def catalogue(language: str, name: str) -> Catalog:
    """What is translated by now."""
    path = LOCALES / language / f"{name}.po"
    if not path.is_file():
        return Catalog(locale=language, domain=name)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def missing(language: str) -> list[str]:
    """Messages without a translation, with the catalogue that they belong to."""
    lacking = []
    for name, wanted in messages().items():
        held = catalogue(language, name)
        for message in wanted:
            if not message.id:
                continue
            found = held.get(message.id)
            said = () if found is None or found.fuzzy else found.string
            if not all(said if isinstance(said, tuple) else (said,)) or not said:
                lacking.append(f"{name}: {message.id}")
    return lacking


def update(language: str) -> None:
    """Write each catalogue anew: what is translated stays, what is missing is added, what is unused goes."""
    for name, wanted in messages().items():
        held = catalogue(language, name)
        new = Catalog(locale=language, domain=name)
        for message in wanted:
            if message.id:
                found = held.get(message.id)
                new.add(message.id, None if found is None else found.string)
        path = LOCALES / language / f"{name}.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, new, width=100, omit_header=False, sort_output=True, no_location=True)


def _catalogue_of(file: str) -> str:
    parts = Path(file).parts
    return parts[1] if parts[0] == "pages" and len(parts) > 2 else CORE


if __name__ == "__main__":
    update("de")
    lacking = missing("de")
    print("\n".join(lacking) or "all is translated")  # noqa: T201 - a tool of developers
    sys.exit(bool(lacking))
