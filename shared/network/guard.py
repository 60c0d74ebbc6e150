"""Which machines a URL that others wrote may lead to.

Whoever can name a URL that we fetch can make us knock at doors that are closed to them: at this machine, at the plant's
network, at the cloud's metadata service (server-side request forgery, OWASP A10:2021). So a name is looked up once,
every address it has is judged, and the connection is made to an address that was judged, never to the name again.
"""

import queue
import socket
import threading
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import httpx

from shared.errors import LinegateError
from shared.network.reach import IPAddress, Reach, plain, reach
from shared.settings.sections import NetworkSettings

Resolve = Callable[[str], Iterable[str]]
"""`resolve(host)`: its IP addresses as text.

Raises:
    OSError: it has none, or the name service does not answer.
"""
_WHAT: Final = {
    Reach.LOCAL: "a private or loopback address",
    Reach.SPECIAL: "a link-local, reserved or cloud metadata address",
    Reach.NEVER: "no machine's address",
}


class TargetRefused(LinegateError):
    """The URL leads where it may not lead."""


class UrlRefused(TargetRefused):
    """The URL itself is at fault, wherever it leads."""


class TargetUnreachable(LinegateError):
    """The target does not answer, not in time, or not in HTTP; perhaps later."""


def system_resolve(host: str) -> list[str]:
    """Ask the system's resolver. It has no time limit that we could set."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[4][0]) for address in found]


class NetworkGuard:
    """Looks up hosts and lets through the addresses that are public or were allowed by name. Thread-safe.

    Args:
        settings: what is allowed beyond the public internet.
        named: hosts that other settings name; an IP address among them counts as allowed, since nobody can turn it
            into another one. A host name does not: who rules its DNS entry would rule where we connect to.
        resolve: the name service.
    """

    def __init__(
        self, settings: NetworkSettings, *, named: Iterable[str] = (), resolve: Resolve = system_resolve
    ) -> None:
        self._resolve: Final = resolve
        networks, hosts = [], set()
        for entry in settings.allow_private:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                hosts.add(canonical_host(entry))
        literals = [literal for literal in map(_literal, named) if literal is not None]
        self._networks: Final[tuple[IPv4Network | IPv6Network, ...]] = (
            *networks,
            *(ip_network(plain(address)) for address in literals),
        )
        self._hosts: Final = frozenset(hosts)

    def addresses(self, host: str, *, timeout_s: float) -> tuple[str, ...]:
        """The addresses of `host` that may be connected to, in the resolver's order.

        Args:
            host: a name or an IP address, without brackets.
            timeout_s: how long the name service may take.

        Raises:
            UrlRefused: the host is no plain name or address.
            TargetRefused: none of its addresses is allowed.
            TargetUnreachable: the name service knows no address, or does not answer in time.
        """
        name = canonical_host(host)
        literal = _literal(name)
        found = self._look_up(name, timeout_s) if literal is None else (literal,)
        allowed = tuple(dict.fromkeys(str(address) for address in found if self._allows(name, address)))
        if not allowed:
            raise _refusal(name, found[0])
        return allowed

    def _allows(self, name: str, address: IPAddress) -> bool:
        distance, target = reach(address), plain(address)
        if distance is Reach.NEVER:
            return False
        if distance is Reach.PUBLIC or any(target in network for network in self._networks):
            return True
        return distance is Reach.LOCAL and name in self._hosts

    def _look_up(self, name: str, timeout_s: float) -> tuple[IPAddress, ...]:
        answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(list(self._resolve(name)))
            except Exception as error:  # noqa: BLE001 - handed over and raised below
                answer.put(error)

        # A daemon: the system's resolver gives up by itself, but only after its own time.
        threading.Thread(target=ask, name="name-lookup", daemon=True).start()
        try:
            found = answer.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise TargetUnreachable(f"the name service does not answer for {name} in time") from None
        if isinstance(found, Exception):
            if not isinstance(found, (OSError, UnicodeError)):
                raise found
            told = getattr(found, "strerror", None) or found
            raise TargetUnreachable(f"{name} has no address: {told}") from None
        if not found:
            raise TargetUnreachable(f"{name} has no address")
        return tuple(ip_address(text) for text in found)


def canonical_host(host: str) -> str:
    """`host` as DNS and certificates spell it: lower case, IDNA (RFC 5891), no trailing dot, no brackets.

    Raises:
        UrlRefused: it is no host, or a number that some software reads as an IP address (`0x7f.1`, `2130706433`).
    """
    literal = _literal(host)
    if literal is not None:
        return str(literal)
    try:
        name = httpx.URL(scheme="http", host=host).raw_host.decode("ascii").removesuffix(".")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UrlRefused(f"{host!r} is no host: {error}") from None
    labels = name.split(".")
    if not all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels):
        raise UrlRefused(f"{host!r} is no host")
    # The WHATWG URL standard reads whatever ends in a number as IPv4, and so do many resolvers: octal, hex, one number.
    if labels[-1].isdecimal() or labels[-1].startswith("0x"):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise UrlRefused(f"{host!r} is no plain IP address; write it as four decimal numbers") from None
    return name


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return None


def _refusal(name: str, address: IPAddress) -> TargetRefused:
    distance = reach(address)
    told = name if str(address) == name else f"{name} is {address},"
    refusal = f"{told} {'is ' if str(address) == name else ''}{_WHAT[distance]}"
    if distance is Reach.NEVER:
        return TargetRefused(refusal)
    entry = name if distance is Reach.LOCAL else plain(address)
    return TargetRefused(refusal, hint=f'network.allow_private = ["{entry}"] allows it')
