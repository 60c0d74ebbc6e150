"""How far an address reaches, in every spelling an address has."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.network.reach import METADATA, Reach, reach

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2001:4860:4860::8888"]
LOCAL = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "100.127.255.255", "198.18.0.1", "192.0.2.1", "::1", "fc00::1", "fdff::1", "fec0::1", "2001:db8::1",
]  # fmt: skip
SPECIAL = [
    "169.254.0.1",
    "240.0.0.1",
    "255.255.255.254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "4000::1",
    "64:ff9b:1::1",
]
NEVER = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255", "::", "ff02::1"]  # noqa: S104 - that is the point


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, Reach.PUBLIC) for text in PUBLIC),
        *((text, Reach.LOCAL) for text in LOCAL),
        *((text, Reach.SPECIAL) for text in SPECIAL),
        *((str(address), Reach.SPECIAL) for address in sorted(METADATA, key=str)),
        *((text, Reach.NEVER) for text in NEVER),
    ],
)
def test_each_kind_of_address(text: str, expected: Reach) -> None:
    """One of each registry, both ends of the well-known ranges."""
    assert reach(ip_address(text)) is expected


def _mapped(address: IPv4Address) -> int:
    return 0xFFFF << 32 | int(address)


def _compatible(address: IPv4Address) -> int:
    return int(address)


def _nat64(address: IPv4Address) -> int:
    return 0x64_FF9B << 96 | int(address)


def _six_to_four(address: IPv4Address) -> int:
    return 0x2002 << 112 | int(address) << 80 | 1


def _teredo(address: IPv4Address) -> int:
    return 0x2001_0000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | (int(address) ^ 0xFFFF_FFFF)


def _isatap(address: IPv4Address) -> int:
    return 0x2606_4700_0000_0000 << 64 | 0x0000_5EFE << 32 | int(address)


FORMS = [_mapped, _compatible, _nat64, _six_to_four, _teredo, _isatap]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@given(st.sampled_from([text for text in [*LOCAL, *SPECIAL, *NEVER] if "." in text and text != "0.0.0.0"]))  # noqa: S104 - likewise
def test_no_ipv6_clothes_hide_an_ipv4_address(form: Callable[[IPv4Address], int], text: str) -> None:
    """Mapped, compatible, NAT64, 6to4, Teredo, ISATAP: never less guarded than the address inside."""
    inner = IPv4Address(text)
    assert reach(IPv6Address(form(inner))) >= reach(inner)


@pytest.mark.parametrize("form", [_mapped, _nat64, _six_to_four], ids=lambda form: form.__name__)
def test_a_public_address_stays_public_in_ipv6_clothes(form: Callable[[IPv4Address], int]) -> None:
    """An IPv6-only plant reaches the IPv4 internet through NAT64."""
    assert reach(IPv6Address(form(IPv4Address("8.8.8.8")))) is Reach.PUBLIC


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_every_address_has_a_reach_and_public_means_global(address: IPv4Address | IPv6Address) -> None:
    """Never laxer than the registries that Python knows."""
    if reach(address) is Reach.PUBLIC and not (isinstance(address, IPv6Address) and address.is_reserved):
        assert address.is_global
