"""Which hosts the guard lets through. The name service is a function here, so that it can lie."""

import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.network import NetworkGuard, TargetRefused, TargetUnreachable, UrlRefused
from shared.network.guard import canonical_host, system_resolve
from shared.settings import NetworkSettings

NAMES = {
    "public.example": ["93.184.215.14"],
    "photos.plant.example": ["10.3.0.7"],
    "both.example": ["10.3.0.7", "93.184.215.14"],
    "metadata.example": ["169.254.169.254"],
    "loop.example": ["127.0.0.1", "::1"],
    "mapped.example": ["::ffff:10.3.0.7"],
    "nowhere.example": ["0.0.0.0"],  # noqa: S104 - that is the point
    "xn--mnchen-3ya.example": ["93.184.215.14"],
}


def resolve(host: str) -> list[str]:
    """A name service that knows NAMES."""
    if host not in NAMES:
        raise OSError(-2, "Name or service not known")
    return NAMES[host]


def guard(*allowed: str, named: Iterable[str] = ()) -> NetworkGuard:
    """A guard that allows these."""
    return NetworkGuard(NetworkSettings(allow_private=allowed), named=named, resolve=resolve)


def addresses(given: NetworkGuard, host: str) -> tuple[str, ...]:
    """What it lets through."""
    return given.addresses(host, timeout_s=20)


@pytest.mark.parametrize("host", ["public.example", "PUBLIC.Example", "public.example.", "münchen.example"])
def test_public_hosts_pass(host: str) -> None:
    """In every spelling of the same name: case, trailing dot, IDNA."""
    assert addresses(guard(), host) == ("93.184.215.14",)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("photos.plant.example", "photos.plant.example is 10.3.0.7, a private or loopback address"),
        ("loop.example", "127.0.0.1, a private"),
        ("mapped.example", "private or loopback"),
        ("metadata.example", "cloud metadata"),
        ("nowhere.example", "no machine's address"),
        ("10.3.0.7", "10.3.0.7 is a private"),
        ("127.0.0.1", "loopback"),
        ("127.0.0.1.", "loopback"),
        ("127。0。0。1", "loopback"),
        ("[::1]", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("169.254.169.254", "metadata"),
        ("fe80::1%1", "link-local"),
    ],
)
def test_hosts_within_are_refused(host: str, words: str) -> None:
    """With the address that was found, and the setting that would allow it where one can."""
    with pytest.raises(TargetRefused, match=words) as refused:
        addresses(guard(), host)
    assert (refused.value.hint is None) == (host == "nowhere.example")
    assert refused.value.line.isprintable()


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "1.2.3.4.5", "127.0.0.1:80",
        "a b", "", ".", "..", "a..b", "user@host", "a/b", "a?b", "a#b", "a\\b", "%31", "127%2e0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "[::1", "\0", "a\nb", "x" * 300,
    ],
)  # fmt: skip
def test_what_another_program_would_read_otherwise_is_no_host(host: str) -> None:
    """Decimal, octal, hex and short forms of IP addresses; separators, encodings, full-width digits."""
    with pytest.raises((UrlRefused, TargetUnreachable)) as refused:
        addresses(guard("0.0.0.0/0", "::/0"), host)
    assert refused.type is UrlRefused or len(host) == 300, "a long name is a name; no name service knows it"


def test_a_name_allows_what_it_leads_to_within() -> None:
    """By its exact name, in any spelling; its neighbours stay refused."""
    allowed = guard("Photos.Plant.example")
    assert addresses(allowed, "photos.plant.example.") == ("10.3.0.7",)
    for other in ("10.3.0.7", "loop.example", "x.photos.plant.example"):
        with pytest.raises((TargetRefused, TargetUnreachable)):
            addresses(allowed, other)


def test_a_name_never_leads_to_the_metadata_service() -> None:
    """Not even an allowed one: only the address itself, as a network, opens it."""
    with pytest.raises(TargetRefused, match="cloud metadata") as refused:
        addresses(guard("metadata.example"), "metadata.example")
    assert refused.value.hint == 'network.allow_private = ["169.254.169.254"] allows it'
    assert addresses(guard("169.254.169.254"), "metadata.example") == ("169.254.169.254",)
    with pytest.raises(TargetRefused):
        addresses(guard("0.0.0.0/0", "nowhere.example"), "nowhere.example")


def test_a_network_allows_its_addresses_however_they_are_named() -> None:
    """By number, by name, and mapped into IPv6."""
    allowed = guard("10.3.0.0/16")
    for host in ("10.3.0.7", "photos.plant.example", "mapped.example"):
        assert len(addresses(allowed, host)) == 1
    with pytest.raises(TargetRefused):
        addresses(allowed, "10.4.0.1")


def test_of_several_addresses_only_the_allowed_ones_are_tried() -> None:
    """A host that lists a private address beside its public one does not get us to the private one."""
    assert addresses(guard(), "both.example") == ("93.184.215.14",)


def test_an_address_that_another_setting_names_is_allowed_a_name_is_not() -> None:
    """An address cannot be turned into another one; a name's DNS entry can."""
    named = guard(named=["127.0.0.1", "photos.plant.example"])
    assert addresses(named, "127.0.0.1") == ("127.0.0.1",)
    for host in ("photos.plant.example", "127.0.0.2", "loop.example"):
        if host == "loop.example":
            assert addresses(named, host) == ("127.0.0.1",)
            continue
        with pytest.raises(TargetRefused):
            addresses(named, host)


def test_an_unknown_name_and_a_silent_name_service_are_told() -> None:
    """Both may be well again later."""
    with pytest.raises(TargetUnreachable, match=r"gone\.example has no address: Name or service not known"):
        addresses(guard(), "gone.example")
    silent = threading.Event()
    hanging = NetworkGuard(NetworkSettings(), resolve=lambda _: [str(silent.wait())])
    with pytest.raises(TargetUnreachable, match="does not answer"):
        hanging.addresses("slow.example", timeout_s=0.05)
    silent.set()
    empty = NetworkGuard(NetworkSettings(), resolve=lambda _: [])
    with pytest.raises(TargetUnreachable, match="no address"):
        addresses(empty, "empty.example")


def test_the_systems_resolver_knows_this_machine() -> None:
    """The real one, which every other test here replaces: refused, as all of `localhost` is loopback."""
    assert system_resolve("localhost")
    with pytest.raises(TargetRefused, match="private or loopback"):
        NetworkGuard(NetworkSettings()).addresses("localhost", timeout_s=20)
    assert NetworkGuard(NetworkSettings(allow_private=("localhost",))).addresses("LOCALHOST", timeout_s=20)


@given(st.text(max_size=40) | st.lists(st.sampled_from([*"0127.xXaf:%@[]/-_。\uff11"]), max_size=20).map("".join))
def test_a_host_is_normalised_once_and_for_all_or_refused(text: str) -> None:
    """Whatever is let through is what the resolver and the certificate check will see."""
    try:
        name = canonical_host(text)
    except UrlRefused:
        return
    assert canonical_host(name) == name
    assert name.isascii()
    assert not set(name) & set("/@?#\\[] ")


@pytest.mark.parametrize("entry", ["http://x", "*.plant.example", "host:80", "10.3.0.1/16", "10.3", "a b", "", "[::1]"])
def test_what_is_neither_host_nor_network_is_no_setting(entry: str) -> None:
    """Told when the process starts."""
    with pytest.raises(ValidationError, match="neither a host name nor an IP network"):
        NetworkSettings(allow_private=(entry,))


def test_the_environment_gives_a_list() -> None:
    """Comma-separated, like the other lists."""
    given = NetworkSettings.model_validate({"allow_private": "photos.plant.example, 10.3.0.0/16,fd00::/8"})
    assert given.allow_private == ("photos.plant.example", "10.3.0.0/16", "fd00::/8")
