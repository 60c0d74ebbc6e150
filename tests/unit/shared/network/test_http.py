"""Fetching over HTTP from real servers that mean no good."""

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from shared.network import Answer, NetworkGuard, TargetRefused, TargetUnreachable, UrlRefused, http, request
from shared.settings import NetworkSettings
from tests.unit.shared.network.servers import Reply, Server, answer, for_ever, two_on_one_port

HOST = "photos.plant.example"


def guard(*allowed: str, **names: str) -> NetworkGuard:
    """Allows these; names lead to addresses, `photos.plant.example` to 127.0.0.1."""
    book = {HOST: "127.0.0.1"} | {name.replace("_", "."): address for name, address in names.items()}
    return NetworkGuard(NetworkSettings(allow_private=allowed), resolve=lambda host: book[host].split())


def get(url: str, *, by: NetworkGuard | None = None, limit: int = 1000, timeout_s: float = 60.0) -> Answer:
    """GET, with this machine allowed by name unless told otherwise."""
    return request("GET", url, guard=by or guard(HOST), limit=limit, timeout_s=timeout_s)


def test_the_name_stays_in_the_request_while_the_address_is_connected_to() -> None:
    """Host header, path and query as in the URL; the body and the headers come back."""
    with Server(answer(b"picture", "X-Sort: a", "x-sort: b")) as server:
        got = get(f"http://{HOST}:{server.port}/a%20b/c?signature=x%2Fy")
    assert (got.status, got.body, got.headers["x-sort"]) == (200, b"picture", "b")
    (sent,) = server.requests
    assert sent.startswith("GET /a%20b/c?signature=x%2Fy HTTP/1.1\r\n")
    assert f"Host: {HOST}:{server.port}\r\n" in sent
    assert "Accept-Encoding: identity" in sent
    assert "Connection: close" in sent


def test_a_body_can_be_sent() -> None:
    """As a webhook does; whatever header the caller sets stands."""
    with Server(answer(b"", status="204 No Content")) as server:
        got = request(
            "POST", f"http://{HOST}:{server.port}/hook", guard=guard(HOST), limit=0, timeout_s=60,
            headers={"Content-Type": "application/json", "User-Agent": "linegate-alert"}, content=b"{}",
        )  # fmt: skip
    assert got.status == 204
    assert "Content-Length: 2\r\n" in server.requests[0]
    assert "User-Agent: linegate-alert\r\n" in server.requests[0]


def test_a_target_within_is_refused_before_a_connection_is_made() -> None:
    """The negative control of every test here that allows this machine."""
    with Server(answer(b"secret")) as server:
        for url in (
            f"http://{HOST}:{server.port}/",
            f"http://127.0.0.1:{server.port}/",
            f"http://0x7f.1:{server.port}/",
        ):
            with pytest.raises(TargetRefused):
                get(url, by=guard())
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://photos.plant.example/", "file:///etc/passwd", "gopher://x/", "http:///a", "http://", "//x/a",
        "a.png", "",
        "http://user@photos.plant.example/", "http://photos.plant.example@127.0.0.1/", "http://u:p@x/",
        "http://photos.plant.example:99999/", "http://photos.plant.example:x/", "http://[::1/", "http://a\nb/",
        "http://2130706433/", "http://0177.0.0.1/", "http://127.0.0.1%2f@x/", "https://%31/",
    ],
)  # fmt: skip
def test_other_schemes_users_and_odd_hosts_are_no_url(url: str) -> None:
    """Whatever is allowed."""
    with pytest.raises(UrlRefused):
        get(url, by=guard("0.0.0.0/0", "::/0", HOST))


def test_a_redirect_is_an_answer_and_nothing_else() -> None:
    """Into the inner network or anywhere: nobody goes there."""
    with Server(answer(b"secret")) as inside:
        with Server(answer(b"", f"Location: http://127.0.0.1:{inside.port}/", status="302 Found")) as server:
            got = get(f"http://{HOST}:{server.port}/")
        assert got.status == 302
        assert got.headers["location"].endswith(f":{inside.port}/")
    assert inside.requests == []


def rebinding(*answers: str) -> tuple[NetworkGuard, list[str]]:
    """A guard that allows 127.0.0.1 alone, and a name service that changes its mind after each question."""
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return [answers[min(len(asked), len(answers)) - 1]]

    return NetworkGuard(NetworkSettings(allow_private=("127.0.0.1",)), resolve=resolve), asked


def test_a_name_that_changes_its_mind_leads_nowhere_new() -> None:
    """DNS rebinding: the address that was checked is the one that is connected to, and each request asks once."""
    with two_on_one_port(answer(b"picture"), answer(b"secret")) as (outside, inside):
        changing, asked = rebinding("127.0.0.1", "127.0.0.2")
        assert get(f"http://evil.example:{outside.port}/", by=changing).body == b"picture"
        assert asked == ["evil.example"]
        with pytest.raises(TargetRefused, match=r"evil\.example is 127\.0\.0\.2"):
            get(f"http://evil.example:{outside.port}/", by=changing)
    assert inside.requests == []


def test_checking_the_name_and_then_fetching_it_would_be_fooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the same two servers, and a client that looks the name up again."""
    with two_on_one_port(answer(b"picture"), answer(b"secret")) as (outside, inside):
        changing, _ = rebinding("127.0.0.1", "127.0.0.2")
        changing.addresses("evil.example", timeout_s=20)
        here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", outside.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)
        assert httpx.get(f"http://evil.example:{outside.port}/", trust_env=False).content == b"secret"
    assert len(inside.requests) == 1


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    """As browsers do, within one time limit."""
    with Server(answer(b"picture")) as server:
        several = guard("127.0.0.0/8", two_example="127.0.0.9 127.0.0.1")
        assert get(f"http://two.example:{server.port}/", by=several).body == b"picture"
    with pytest.raises(TargetUnreachable, match="cannot be reached"):
        get(f"http://two.example:{server.port}/", by=several)


def test_ipv6_is_fetched_from() -> None:
    """With brackets, as URLs write it."""
    with Server(answer(b"picture"), "::1") as server:
        assert get(f"http://[::1]:{server.port}/", by=guard("::1")).body == b"picture"
        with pytest.raises(TargetRefused):
            get(f"http://[0:0:0:0:0:0:0:1]:{server.port}/", by=guard())


def test_no_proxy_is_used_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment would fetch what we may not, with its own idea of the name."""
    with Server(answer(b"by proxy")) as proxy, Server(answer(b"directly")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert httpx.get(f"http://127.0.0.1:{server.port}/").content == b"by proxy", "the environment is in force"
        assert get(f"http://{HOST}:{server.port}/").body == b"directly"
    assert len(proxy.requests) == 1


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS: dict[str, Reply] = {
    "nothing": for_ever(b"", b"", every_s=0.01),
    "a dripping body": for_ever(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", every_s=0.01),
    "a dripping chunk size": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", every_s=0.01),
    "dripping headers": for_ever(HEAD, b"a", every_s=0.01),
    "a dripping status": for_ever(b"HTTP/1.1 200 ", b"a", every_s=0.01),
    "interim answers": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", every_s=0.001),
    "dripping trailers": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a", every_s=0.01),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_slow_answer_ends_with_the_time_limit(kind: str) -> None:
    """Each byte comes well within any per-read limit; only the total ends it. Without one, the test hangs."""
    with Server(ENDLESS[kind]) as server, pytest.raises(TargetUnreachable, match="cannot be reached"):
        get(f"http://{HOST}:{server.port}/", limit=1_000_000, timeout_s=0.4)


def test_a_slow_handshake_ends_with_the_time_limit() -> None:
    """A server that takes the connection and never speaks TLS."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TargetUnreachable):
        get(f"https://{HOST}:{silent.getsockname()[1]}/", timeout_s=0.4)


@pytest.mark.parametrize(
    "reply",
    [for_ever(HEAD, b"a: b\r\n"), for_ever(HEAD + b"a: ", b"b" * 1000), for_ever(b"", b"HTTP/1.1 200 OK" * 100)],
    ids=["headers", "one header", "status"],
)
def test_endless_headers_are_cut(reply: Reply) -> None:
    """By h11's limit on an event, long before the time limit."""
    with Server(reply) as server, pytest.raises(TargetUnreachable):
        get(f"http://{HOST}:{server.port}/")


@pytest.mark.parametrize(
    "head", [b"\r\n", b"Content-Length: 99999999999\r\n\r\n"], ids=["unknown length", "a long one"]
)
def test_an_endless_body_is_cut_one_byte_behind_the_limit(head: bytes) -> None:
    """Which tells the caller that there is more."""
    with Server(for_ever(HEAD + head, b"x" * 65536)) as server:
        assert get(f"http://{HOST}:{server.port}/").body == b"x" * 1001


def test_a_packed_bomb_stays_packed() -> None:
    """A server that compresses unasked: the bytes come as they are, within the limit."""
    bomb = gzip.compress(bytes(10_000_000))
    with Server(answer(bomb, "Content-Encoding: gzip")) as server:
        assert get(f"http://{HOST}:{server.port}/", limit=100_000).body == bomb
        assert len(get(f"http://{HOST}:{server.port}/", limit=100).body) == 101


@pytest.mark.parametrize(
    "reply",
    [
        b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\n", HEAD + b"Content-Length: 10\r\n\r\nshort",
        HEAD + b"Content-Length: -1\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", b"\xff\xfe\0\0", b"HTTP/1.1 999999 X\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_http_is_no_answer(reply: bytes) -> None:
    """Another protocol, half an answer, lies about its length."""
    with Server(lambda connection: connection.sendall(reply)) as server, pytest.raises(TargetUnreachable):
        get(f"http://{HOST}:{server.port}/")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """A plant's own authority, trusted through SSL_CERT_FILE."""
    own = trustme.CA()
    own.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    http._ssl_context.cache_clear()
    yield own
    http._ssl_context.cache_clear()


def _tls(certificate: trustme.LeafCert) -> tuple[ssl.SSLContext, list[str | None]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context, names


def test_https_is_checked_against_the_name(authority: trustme.CA) -> None:
    """SNI and certificate carry the name, although the connection was made to a number."""
    context, names = _tls(authority.issue_cert(HOST))
    with Server(answer(b"picture"), tls=context) as server:
        assert get(f"https://{HOST}:{server.port}/").body == b"picture"
        assert names == [HOST]
        with pytest.raises(TargetUnreachable, match="certificate"):
            get(f"https://other.example:{server.port}/", by=guard("127.0.0.1", other_example="127.0.0.1"))
        with pytest.raises(TargetUnreachable, match="certificate"):
            get(f"https://127.0.0.1:{server.port}/", by=guard("127.0.0.1"))
    assert len(server.requests) == 1


def test_a_certificate_of_nobody_we_trust_is_refused(authority: trustme.CA) -> None:
    """Another authority's."""
    assert authority.cert_pem
    context, _ = _tls(trustme.CA().issue_cert(HOST))
    with Server(answer(b"picture"), tls=context) as server, pytest.raises(TargetUnreachable, match="certificate"):
        get(f"https://{HOST}:{server.port}/")
    assert server.requests == []


def test_requests_in_threads_do_not_share_connections() -> None:
    """Each has its own: an answer never goes to another caller."""
    with Server(answer(b"one")) as one, Server(answer(b"two")) as two:
        bodies: dict[int, set[bytes]] = {one.port: set(), two.port: set()}
        shared = guard(HOST)

        def work(port: int) -> None:
            for _ in range(5):
                bodies[port].add(get(f"http://{HOST}:{port}/", by=shared).body)

        threads = [threading.Thread(target=work, args=(port,)) for port in [one.port, two.port] * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bodies == {one.port: {b"one"}, two.port: {b"two"}}
