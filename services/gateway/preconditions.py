"""`If-Match` and `If-None-Match` (RFC 9110, 13.1) on what has a revision: `"7"` is the entity tag of revision 7.

A change must say what it is based on, or it is refused with 428 (RFC 6585, 3): nobody overwrites what they never saw.
"""

import re
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from services.gateway.problems import ProblemError

_TAGS: Final = re.compile(r'\s*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*)*)+')
_TAG: Final = re.compile(r'(W/)?"([^"]*)"')
_LONGEST: Final = 1024


def entity_tag(revision: int) -> str:
    """The entity tag of a revision."""
    return f'"{revision}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a request says must be so."""

    match: frozenset[str] | None
    """`If-Match`: the strong tags, `*` among them for any; None where the header is absent."""
    absent: bool
    """`If-None-Match: *`: there is no entry yet."""

    @property
    def any_revision(self) -> bool:
        """Whether it only asks that there is an entry (`If-Match: *`)."""
        return self.match is not None and "*" in self.match

    def check(self, found: int | None) -> None:
        """See that it holds for the revision that was found; None: there is no entry.

        Raises:
            ProblemError: 412.
        """
        matches = self.match is None or (found is not None and bool(self.match & {"*", entity_tag(found)}))
        if not matches or (self.absent and found is not None):
            raise failed(found)


def failed(found: int | None) -> ProblemError:
    """412: what is there is not what the change was based on."""
    there = "there is no entry" if found is None else f"it is at revision {found}"
    return ProblemError(
        412,
        "revision-conflict",
        "Somebody else changed it",
        detail=f"The precondition does not hold: {there}.",
        hint="GET it again, and repeat the change with the new ETag if it still makes sense.",
        headers=None if found is None else {"ETag": entity_tag(found)},
    )


def of_change(request: Request) -> Precondition:
    """What a change is based on.

    Raises:
        ProblemError: 428 it does not say, 400 it is not understood.
    """
    given = where_given(request)
    if given is None:
        raise ProblemError(
            428,
            "precondition-required",
            "It is not said what the change is based on",
            detail="The request has neither If-Match nor If-None-Match.",
            hint="Send If-Match with the ETag that GET gave, or If-None-Match: * where there is no entry yet.",
        )
    return given


def where_given(request: Request) -> Precondition | None:
    """The same where a change need not say it; None where it does not.

    Raises:
        ProblemError: 400 it is not understood.
    """
    match, none = _header(request, "if-match"), _header(request, "if-none-match")
    if none is not None and none != {"*"}:
        raise _not_understood("If-None-Match", "of a change it can only be *")
    return None if match is None and none is None else Precondition(match, none is not None)


def not_modified(request: Request, revision: int) -> bool:
    """Whether a reader has `revision` already (`If-None-Match` of a GET, by weak comparison).

    Raises:
        ProblemError: 400 it is not understood.
    """
    known = _header(request, "if-none-match", weak=True)
    return known is not None and bool(known & {"*", entity_tag(revision)})


def _header(request: Request, name: str, *, weak: bool = False) -> frozenset[str] | None:
    lines = request.headers.getlist(name)
    if not lines:
        return None
    text = ", ".join(lines)
    if text.strip() == "*":
        return frozenset("*")
    if len(text) > _LONGEST or not _TAGS.fullmatch(text):
        raise _not_understood("-".join(word.capitalize() for word in name.split("-")), "write a list of entity tags")
    # By strong comparison a weak tag equals nothing (RFC 9110, 8.8.3.2).
    return frozenset(f'"{tag}"' for mark, tag in _TAG.findall(text) if weak or not mark)


def _not_understood(header: str, told: str) -> ProblemError:
    return ProblemError(
        400,
        "invalid-precondition",
        "A precondition is not understood",
        detail=f"{header} is not understood: {told}.",
        hint='An entity tag is a revision in quotation marks, e.g. If-Match: "7".',
    )
