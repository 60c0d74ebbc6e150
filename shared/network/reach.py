"""How far an IP address lies from the public internet: pure, and without asking anybody.

The registries are IANA's of special-purpose addresses (RFC 6890), as Python's `ipaddress` carries them. Added are what
the registries do not say: that an IPv6 address may carry an IPv4 one which is the true target, and the addresses on
which clouds answer every machine with its credentials.
"""

from collections.abc import Iterator
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

IPAddress = IPv4Address | IPv6Address

_MASK32: Final = 0xFFFF_FFFF
_THIS_NETWORK: Final = ip_network("0.0.0.0/8")
"""Linux takes these, like `0.0.0.0` itself, for this machine (RFC 1122, 3.2.1.3)."""
_NAT64: Final = ip_network("64:ff9b::/96")
"""RFC 6052: the IPv4 address is the last 32 bits."""
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""RFC 5214: an interface identifier that begins so ends in an IPv4 address."""
METADATA: Final = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
"""Where AWS, Azure, GCP, Alibaba and Oracle clouds tell a machine its secrets; some are not link-local."""


class Reach(IntEnum):
    """Who can be behind an address, in ascending order of what it takes to be allowed."""

    PUBLIC = 0
    """Anybody on the internet."""
    LOCAL = 1
    """This machine or this network: private, shared (RFC 6598), loopback, unique local, documentation, benchmarks."""
    SPECIAL = 2
    """Link-local, reserved, and cloud metadata: no name may lead there, only the address itself."""
    NEVER = 3
    """No single machine: unspecified, multicast, broadcast."""


def plain(address: IPAddress) -> IPAddress:
    """`address` without an IPv6 zone; an IPv4-mapped address (`::ffff:10.0.0.1`) as the IPv4 address it is."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def reach(address: IPAddress) -> Reach:
    """How far `address` reaches; of an address that carries another one, the more guarded of the two."""
    target = plain(address)
    if isinstance(target, IPv4Address):
        return _reach_v4(target)
    carried = [_reach_v4(inner) for inner in _carried(target)]
    return max([_reach_v6(target, carries=bool(carried)), *carried])


def _reach_v4(address: IPv4Address) -> Reach:
    if address in _THIS_NETWORK or address.is_multicast or int(address) == _MASK32:
        return Reach.NEVER
    if address.is_link_local or address.is_reserved or address in METADATA:
        return Reach.SPECIAL
    return Reach.PUBLIC if address.is_global else Reach.LOCAL


def _reach_v6(address: IPv6Address, *, carries: bool) -> Reach:
    if address.is_unspecified or address.is_multicast:
        return Reach.NEVER
    if address.is_loopback or address.is_site_local:
        return Reach.LOCAL
    # What carries an IPv4 address lies partly in reserved space; then the IPv4 address decides.
    if address.is_link_local or address in METADATA or (address.is_reserved and not carries):
        return Reach.SPECIAL
    return Reach.PUBLIC if address.is_global or carries else Reach.LOCAL


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that `address` carries: 6to4, Teredo, NAT64, ISATAP, and the deprecated compatible ones."""
    low = int(address) & _MASK32
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    compatible = int(address) >> 32 == 0 and low > 1
    if compatible or address in _NAT64 or (int(address) >> 32) & _MASK32 in _ISATAP:
        yield IPv4Address(low)
