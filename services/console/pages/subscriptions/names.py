"""Names of subscriptions, made from what people call them. Pure."""

import re
import unicodedata
from collections.abc import Container
from typing import Final

_LETTERS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l"})
_GAPS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 56
"""Leaves room for a number."""


def free_name(title: str, taken: Container[str], *, fallback: str) -> str:
    """A name for addresses from a title, which nothing has yet.

    Args:
        title: as people say it.
        taken: names that there are.
        fallback: where the title has no letter that a name may have.
    """
    wish = _plain(title) or _plain(fallback) or "subscription"
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}-{count}"
    return name


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return _GAPS.sub("-", letters).strip("-")[:_LONGEST].strip("-")
