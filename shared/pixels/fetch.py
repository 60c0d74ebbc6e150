"""Fetch a referenced picture from a folder, over HTTP, or through any fsspec file system.

Two errors, and the difference decides over a part: `ImageRejected` where this picture is at fault (it is
dead-lettered), `PixelsUnavailable` where the place it lies in is (the line waits, and nothing is thrown away).
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

import fsspec

from shared.errors import LinegateError
from shared.images import ImageRejected
from shared.network import NetworkGuard, TargetRefused, TargetUnreachable, UrlRefused, request
from shared.pixels.roots import Address


class PixelsUnavailable(LinegateError):
    """The place where the picture lies cannot be reached now; try again later."""


Fetch: TypeAlias = Callable[[Address, Address, int, float], bytes]
"""`fetch(address, root, limit, timeout)`: the picture, or its first `limit + 1` bytes where it is longer."""


def fetch_file(address: Address, root: Address, limit: int, timeout: float) -> bytes:  # noqa: ARG001 - a `Fetch`
    """Read a file below a folder; symbolic links may not lead out of it."""
    folder = Path(unquote(root.path))
    try:
        resolved = folder.resolve(strict=True)
        # An unmounted share leaves its empty mount point behind: every picture would seem missing.
        with os.scandir(resolved) as entries:
            if next(entries, None) is None:
                raise PixelsUnavailable(f"{folder} is empty", hint="is the share mounted?")
    except OSError as error:
        raise PixelsUnavailable(f"{folder} cannot be read: {error.strerror}", hint="is the share mounted?") from None
    try:
        path = Path(unquote(address.path)).resolve(strict=True)
        if not path.is_relative_to(resolved):
            raise ImageRejected(f"dataref {address.url!r} leads out of its root")
        # Not blocking, so that a named pipe cannot hold us up before we see that it is one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ImageRejected(f"dataref {address.url!r} is no file")
            return file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ImageRejected(f"there is no picture at {address.url!r}") from None
    except (RuntimeError, ValueError) as error:  # a loop of links; an embedded null
        raise ImageRejected(f"dataref {address.url!r} cannot be followed: {error}") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
            raise ImageRejected(f"dataref {address.url!r} cannot be followed: {error.strerror}") from None
        raise PixelsUnavailable(f"{address.url!r} cannot be read: {error.strerror}") from None


def http_fetch(guard: NetworkGuard) -> Fetch:
    """A fetch over HTTP to the hosts that `guard` allows. Redirects are not followed: they would leave the root."""

    def fetch(address: Address, root: Address, limit: int, timeout: float) -> bytes:  # noqa: ARG001 - a `Fetch`
        try:
            answer = request("GET", address.url, guard=guard, limit=limit, timeout_s=timeout)
        except UrlRefused as error:
            raise ImageRejected(f"dataref {error}") from None
        except (TargetRefused, TargetUnreachable) as error:
            # The root is ours, so a host that is not allowed is a setting of ours: the line waits, nothing is lost.
            raise PixelsUnavailable(str(error), hint=error.hint) from None
        _check_status(answer.status, address)
        return answer.body

    return fetch


def fetch_fsspec(address: Address, root: Address, limit: int, timeout: float) -> bytes:  # noqa: ARG001 - a `Fetch`
    """Read from any file system that fsspec has a driver for, e.g. `s3://`."""
    system: Any = fsspec.filesystem(address.scheme)
    try:
        # A dataref is a URI, so its path is percent-encoded; fsspec takes paths as they are.
        with system.open(f"{address.scheme}://{address.authority}{unquote(address.path)}", "rb") as file:
            data: bytes = file.read(limit + 1)
            return data
    except (FileNotFoundError, IsADirectoryError):
        bucket = f"{root.scheme}://{root.authority}"
        if not system.exists(bucket):
            raise PixelsUnavailable(f"there is no {bucket}") from None
        raise ImageRejected(f"there is no picture at {address.url!r}") from None


def _check_status(status: int, address: Address) -> None:
    if status == 200:
        return
    told = f"{address.url!r} answered {status}"
    # 401 and 403 mean our own credentials, unless the sender brought a signature in the query.
    if status in (408, 425, 429) or status >= 500 or (status in (401, 403) and not address.query):
        raise PixelsUnavailable(told)
    raise ImageRejected(told, hint="redirects are not followed: name the final URL" if 300 <= status < 400 else None)
