"""Which addresses pictures are fetched from, and that nothing else is connected to."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.images import fetching, manifests
from server.services.images.fetching import Unreadable
from server.settings import Settings

HOST = "pictures.test"
PEM = Path(__file__).parents[2] / "data" / "pictures_test.pem"
SETTINGS = Settings(image_hosts=(HOST,), max_image_bytes=1000)
PUBLIC = "93.184.216.34"

NO_HOSTS = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.8",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::808:808", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:808:808",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:0:7f00:1::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1",
    "2002:808:808::1", "2600::5efe:7f00:1", "2600::200:5efe:a00:1", "3fff::1", "4000::1", "5f00::1",
    "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "2600::1%eth0", "fec0::1", "ff02::1",
    "ff0e::1", "", "localhost",
]  # fmt: skip


def found_at(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Every look-up of a name gives the next of the answers; returns the names asked for."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        family = socket.AF_INET
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(family, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def connections(
    monkeypatch: pytest.MonkeyPatch, port: int | None = None, *, refusing: tuple[str, ...] = ()
) -> list[tuple[str, int]]:
    """Where connections go; they end at a port of this machine, or are refused."""
    made: list[tuple[str, int]] = []

    def to_here(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        made.append(address)
        if port is None or address[0] in refusing:
            raise ConnectionRefusedError
        connection = socket.socket()
        connection.connect(("127.0.0.1", port))
        return connection

    monkeypatch.setattr(socket, "create_connection", to_here)
    return made


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Starts an https server that calls itself `pictures.test`; returns its port."""
    servers: list[HTTPServer] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server.server_port

    monkeypatch.setattr(certifi, "where", lambda: str(PEM))
    fetching._trusted.cache_clear()
    yield start
    fetching._trusted.cache_clear()
    for server in servers:
        server.shutdown()
        server.server_close()


def sends(content: bytes, status: int = 200, **headers: str) -> Callable[..., None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


@pytest.mark.parametrize("address", NO_HOSTS)
def test_what_is_no_public_host_is_never_connected_to(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_at(monkeypatch, [address])
    made = connections(monkeypatch)
    with pytest.raises(Unreadable, match="private network"):
        fetching.fetch(f"https://{HOST}/a.jpg", SETTINGS)
    assert made == []


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "2600::1", "2a00:1450:4001:81b::200e"])
def test_a_public_host_is_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found_at(monkeypatch, [address])
    made = connections(monkeypatch)
    with pytest.raises(Unreadable, match="ConnectError"):
        fetching.fetch(f"https://{HOST}/a.jpg", SETTINGS)
    assert made == [(address, 443)]


@given(st.ip_addresses(v=4))
def test_no_spelling_of_an_ipv4_address_in_an_ipv6_one_is_public(
    address: ipaddress.IPv4Address,
) -> None:
    value = int(address)
    spellings = (
        value,
        0xFFFF << 32 | value,
        0x64FF9B << 96 | value,
        0x2002 << 112 | value << 80 | 1,
        0x2001 << 112 | value << 64 | 1,
        0x2600 << 112 | 0x5EFE << 32 | value,
    )
    for spelling in spellings:
        assert not fetching._is_public(str(ipaddress.IPv6Address(spelling)))


def test_the_address_that_was_looked_at_is_connected_to(
    host: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str | None, str]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        heard.append((request.headers["Host"], request.path))
        sends(b"a picture")(request)

    port = host(answer)
    asked = found_at(monkeypatch, [PUBLIC], ["127.0.0.1"])
    made = connections(monkeypatch, port)
    assert fetching.fetch(f"https://{HOST}/a%20b.jpg?x=1", SETTINGS) == b"a picture"
    assert asked == [HOST]
    assert made == [(PUBLIC, 443)]
    assert heard == [(HOST, "/a%20b.jpg?x=1")]


def test_of_several_addresses_private_ones_are_passed_over_and_dead_ones_too(
    host: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found_at(monkeypatch, ["10.0.0.1", "8.8.8.8", "64:ff9b::a00:1", "2600::1", "1.1.1.1"])
    made = connections(monkeypatch, host(sends(b"a picture")), refusing=("8.8.8.8",))
    assert fetching.fetch(f"https://{HOST}/a.jpg", SETTINGS) == b"a picture"
    assert made == [("8.8.8.8", 443), ("2600::1", 443)]


def test_the_certificate_has_to_be_the_hosts(
    host: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found_at(monkeypatch, [PUBLIC])
    connections(monkeypatch, host(sends(b"a picture")))
    settings = Settings(image_hosts=("other.test",))
    with pytest.raises(Unreadable, match="ConnectError"):
        fetching.fetch("https://other.test/a.jpg", settings)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", [f"https://{HOST}/b.jpg", "http://169.254.169.254/"])
def test_a_redirect_is_not_followed(
    host: Callable[..., int], status: int, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = found_at(monkeypatch, [PUBLIC])
    made = connections(monkeypatch, host(sends(b"", status, Location=to)))
    with pytest.raises(Unreadable, match=f"the host answered {status}"):
        fetching.fetch(f"https://{HOST}/a.jpg", SETTINGS)
    assert len(asked) == len(made) == 1


def test_too_much_is_cut_off(host: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    found_at(monkeypatch, [PUBLIC])
    connections(monkeypatch, host(sends(bytes(1001))))
    with pytest.raises(Unreadable, match="larger than"):
        fetching.fetch(f"https://{HOST}/a.jpg", SETTINGS)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        (f"https://{HOST}:8443/a.jpg", "port 8443"),
        (f"https://{HOST}:80/a.jpg", "port 80"),
        (f"https://{HOST}:0/a.jpg", "port 0"),
        (f"https://{HOST}:22/a.jpg", "port 22"),
        (f"https://{HOST}\\@evil.test/a.jpg", "password"),
        (f"https://evil.test\\.{HOST}/a.jpg", "not among"),
        (f"https://{HOST}./a.jpg", "not among"),
        (f"http://{HOST}:443/a.jpg", "not allowed"),
    ],
)
def test_other_ports_and_hosts_are_refused_before_anything_is_opened(
    uri: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = found_at(monkeypatch, [PUBLIC])
    assert reason in (manifests.refuse_uri(uri, SETTINGS) or "")
    with pytest.raises(Unreadable):
        manifests.read_uri(uri, SETTINGS)
    assert asked == []


@pytest.mark.parametrize("uri", [f"https://{HOST}/a.jpg", f"https://{HOST.upper()}:443/a.jpg"])
def test_the_default_port_may_be_written(uri: str) -> None:
    assert manifests.refuse_uri(uri, SETTINGS) is None
