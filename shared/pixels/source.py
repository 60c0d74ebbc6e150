"""Read and verify the pixels of an event."""

import hashlib
import threading
from queue import Empty, SimpleQueue
from typing import Final

import fsspec

from shared.events import PixelEvent
from shared.images import ImageRejected
from shared.network import NetworkGuard
from shared.pixels.fetch import Fetch, PixelsUnavailable, fetch_file, fetch_fsspec, http_fetch
from shared.pixels.roots import Address, parse_address, root_of
from shared.settings.load import SettingsRejected
from shared.settings.sections import ImageSettings, NetworkSettings

_HTTP: Final = ("http", "https")
_MAX_HANGING: Final = 16
"""Fetches that may be under way or hang at once. A dead network share can hold a thread for ever."""


class PixelSource:
    """Reads pixels, inline or by reference. Thread-safe.

    Args:
        settings: the size limit, the allowed roots of references and the time limit.
        network: which hosts may lie in private address space. Roots that name an IP address are allowed by that.

    Raises:
        SettingsRejected: an allowed root is no URL, or its file system has no driver installed.
    """

    def __init__(self, settings: ImageSettings, network: NetworkSettings | None = None) -> None:
        self._settings = settings
        self._roots = tuple(_usable_root(root) for root in settings.dataref_roots)
        hosts = [root.host for root in self._roots if root.scheme in _HTTP]
        fetch_http = http_fetch(NetworkGuard(network or NetworkSettings(), named=hosts))
        self._transports: dict[str, Fetch] = {"file": fetch_file, **dict.fromkeys(_HTTP, fetch_http)}
        self._slots = threading.BoundedSemaphore(_MAX_HANGING)

    def read(self, event: PixelEvent) -> bytes:
        """The encoded picture of `event`; its size and sha256 are as the event says.

        Raises:
            ImageRejected: there are no pixels, the reference is not allowed, leads nowhere, or is not what it promises.
            PixelsUnavailable: the place the reference points to cannot be reached now.
        """
        if event.pixels is not None:
            data = event.pixels
            if len(data) > self._settings.max_bytes:
                raise ImageRejected(f"the picture has {len(data)} bytes, the limit is {self._settings.max_bytes}")
            _verify(data, event)
            return data
        if event.dataref is None:
            raise ImageRejected("the event carries no picture")
        if event.datasize is not None and event.datasize > self._settings.max_bytes:
            raise ImageRejected(f"datasize is {event.datasize} bytes, the limit is {self._settings.max_bytes}")
        address = parse_address(event.dataref)
        data = self._fetch(address, root_of(address, self._roots), limit=event.datasize or self._settings.max_bytes)
        _verify(data, event)
        return data

    def _fetch(self, address: Address, root: Address, *, limit: int) -> bytes:
        """Fetch under a deadline. Not every file system has time limits of its own, so the fetch gets a thread."""
        fetch, timeout = self._transports.get(address.scheme, fetch_fsspec), self._settings.fetch_timeout_s
        if not self._slots.acquire(blocking=False):
            raise PixelsUnavailable(f"{_MAX_HANGING} fetches hang already; {root.url!r} does not answer")
        answer: SimpleQueue[bytes | Exception] = SimpleQueue()

        def work() -> None:
            try:
                answer.put(fetch(address, root, limit, timeout))
            except Exception as error:  # noqa: BLE001 - handed over and raised below
                answer.put(error)
            finally:
                self._slots.release()

        threading.Thread(target=work, name="pixel-fetch", daemon=True).start()
        try:
            result = answer.get(timeout=timeout)
        except Empty:
            raise PixelsUnavailable(f"{address.url!r} did not answer within {timeout:g} s") from None
        if isinstance(result, (ImageRejected, PixelsUnavailable)):
            raise result
        if isinstance(result, Exception):
            # Drivers raise errors of their own kinds. Unknown means ours: the line waits rather than lose the part.
            raise PixelsUnavailable(
                f"{address.url!r} cannot be read: {str(result) or type(result).__name__}"
            ) from result
        return result


def _verify(data: bytes, event: PixelEvent) -> None:
    if event.datasize is not None and len(data) != event.datasize:
        found = f"more than {event.datasize}" if len(data) > event.datasize else str(len(data))
        raise ImageRejected(f"the picture has {found} bytes where datasize says {event.datasize}")
    if event.datasha256 is not None and hashlib.sha256(data).hexdigest() != event.datasha256:
        raise ImageRejected("the picture's sha256 is not the event's datasha256: it was changed or damaged on its way")


def _usable_root(root: str) -> Address:
    try:
        address = parse_address(root)
        if address.scheme not in ("file", *_HTTP):
            fsspec.get_filesystem_class(address.scheme)
    except (ImageRejected, ImportError, ValueError) as error:
        raise SettingsRejected(f"images.dataref_roots: {root!r} cannot be used: {error}") from None
    if address.scheme == "local":
        # fsspec's other name for files, without our care for symbolic links.
        raise SettingsRejected(f"images.dataref_roots: {root!r} cannot be used: write file:///folder/")
    if address.scheme != "file" and not address.authority:
        raise SettingsRejected(f"images.dataref_roots: {root!r} names no host or bucket")
    return address
