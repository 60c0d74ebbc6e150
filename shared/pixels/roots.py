"""Which URLs a `dataref` may name. Whoever can write to the topic can write a `dataref`, so it is not trusted."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from shared.images import ImageRejected

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ODD = re.compile(r"[\x00-\x20\x7f\\]|::|%(?:2f|5c|00|25)", re.IGNORECASE)
"""White space, control characters, backslashes, fsspec's chaining, and encodings that hide a separator."""
_BRACKETS = re.compile(r"//\[[0-9a-f:.]+\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart and normalised; `path` is still percent-encoded."""

    scheme: str
    authority: str
    path: str
    query: str

    @property
    def host(self) -> str:
        """The host, without port and brackets."""
        return urlsplit(f"//{self.authority}").hostname or ""

    @property
    def url(self) -> str:
        """The URL to fetch."""
        return f"{self.scheme}://{self.authority}{self.path}{'?' if self.query else ''}{self.query}"


def parse_address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ImageRejected: it holds anything whose meaning could differ between our check and the fetch.
    """
    try:
        parts = urlsplit(url)
        authority = _authority(parts)
    except ValueError as error:
        raise ImageRejected(f"dataref {url!r} is no URL: {error}") from None
    # The colons of an IPv6 host are no chaining.
    if not parts.scheme or "://" not in url or _ODD.search(_BRACKETS.sub("//", url, count=1)):
        raise ImageRejected(f"dataref {url!r} is no plain URL")
    if "@" in parts.netloc:
        raise ImageRejected("a dataref may not hold a user name or password")
    if parts.fragment or "#" in url or ("?" in url and parts.scheme not in _DEFAULT_PORTS):
        raise ImageRejected(f"dataref {url!r} may hold neither a fragment nor, other than http, a query")
    if any(step in (".", "..") for step in unquote(parts.path).split("/")) or authority in (".", ".."):
        raise ImageRejected(f"dataref {url!r} climbs out of its folder")
    return Address(parts.scheme.lower(), authority, parts.path, parts.query)


def root_of(address: Address, roots: tuple[Address, ...]) -> Address:
    """The allowed root that `address` lies below.

    Raises:
        ImageRejected: there is none.
    """
    for root in roots:
        below = address.path.startswith(root.path.rstrip("/") + "/")
        if (address.scheme, address.authority) == (root.scheme, root.authority) and below:
            return root
    raise ImageRejected(
        f"dataref {address.url!r} lies below no allowed root",
        hint="images.dataref_roots lists the allowed URL prefixes",
    )


def _authority(parts: SplitResult) -> str:
    if parts.scheme.lower() == "file":
        return "" if parts.netloc in ("", "localhost") else parts.netloc
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return parts.netloc
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in (None, _DEFAULT_PORTS[parts.scheme.lower()]) else f"{host}:{parts.port}"
