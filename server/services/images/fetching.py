"""Pictures from other hosts: https:// on port 443, and never from a private network."""

import socket
import ssl
import time
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from server.pictures import BadPicture
from server.settings import Settings

if TYPE_CHECKING:
    import httpx

PORT = 443
MOST_SECONDS = 300
"""For one picture from another host, which would keep all others waiting."""
MOST_ADDRESSES = 4
"""Of one host that are tried, one after the other."""

_V6_HOSTS = IPv6Network("2000::/3")
"""What IANA gives out to hosts. Outside of it are loopback, private, link-local and multicast
addresses, and ways to write an IPv4 address: `::/96`, `::ffff:0:0/96`, NAT64 (`64:ff9b::/96`)."""
_V6_NO_HOSTS = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, among them Teredo, which holds an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which holds an IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""Before an IPv4 address at the end of an IPv6 address: a tunnel to it."""
_V4_NO_HOSTS = tuple(
    map(
        IPv4Network,
        (
            "192.0.0.0/24",  # protocols
            "192.88.99.0/24",  # relays of 6to4
            "224.0.0.0/4",  # multicast
        ),
    )
)


class Unreadable(BadPicture):
    """Why the file behind an address can not be read."""


def refuse_address(parts: SplitResult, settings: Settings) -> str | None:
    """Why a picture may not be fetched from an address; None when it may. Opens nothing.

    Raises ValueError for a port that is none.
    """
    if parts.scheme != "https":
        return f"{parts.scheme}:// is not allowed; give a path, or https:// of an allowed host"
    if parts.username or parts.password:
        return "an address may not contain a password"
    if parts.hostname not in settings.image_hosts:
        return f"the host {parts.hostname} is not among the server's allowed image hosts"
    if parts.port not in (None, PORT):
        return f"port {parts.port} is not allowed; pictures are fetched from port {PORT} alone"
    return None


def fetch(uri: str, settings: Settings) -> bytes:
    """The bytes behind an address that `refuse_address` let through. Raises Unreadable.

    The host's name is looked up once, and the connection goes to an address that was looked at
    then: a name that leads elsewhere a moment later leads nowhere. Redirects are not followed.
    """
    # It brings a program of its own along, with all that this shows on a terminal.
    import httpx  # noqa: PLC0415

    until = time.monotonic() + MOST_SECONDS
    try:
        url = httpx.URL(uri)
        if url.host != urlsplit(uri).hostname:
            raise Unreadable("not a valid address: its host can be read in two ways")
        host = url.raw_host.decode()
        # What is sent is not packed: a few bytes could become very many.
        headers = {"Host": host, "Accept-Encoding": "identity"}
        addresses = _public_addresses(host)
        with httpx.Client(
            follow_redirects=False, timeout=20, trust_env=False, headers=headers,
            verify=_trusted(),
        ) as client:  # fmt: skip
            for number, address in enumerate(addresses, 1):
                request = client.build_request(
                    "GET", url.copy_with(host=address), extensions={"sni_hostname": host}
                )
                try:
                    return _read(client.send(request, stream=True), settings, until)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if number == len(addresses):
                        raise
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"can not be fetched: {type(error).__name__}") from error
    raise AssertionError("a host has an address, or is refused")


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are believed. To read them takes ten times as long as to verify a picture."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context(trust_env=False)


def _read(response: "httpx.Response", settings: Settings, until: float) -> bytes:
    content = bytearray()
    try:
        if response.status_code != 200:
            raise Unreadable(f"the host answered {response.status_code}")
        for piece in response.iter_bytes():
            content += piece
            if len(content) > settings.max_image_bytes:
                raise Unreadable(f"larger than {settings.max_image_bytes / 2**20:.0f} MB")
            if time.monotonic() > until:
                raise Unreadable(f"not sent within {MOST_SECONDS} seconds")
    finally:
        response.close()
    return bytes(content)


def _public_addresses(host: str) -> list[str]:
    """Where a host is. An allowed host whose name leads into a private network is still refused."""
    try:
        found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreadable(f"the host {host} can not be found") from error
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    public = [address for address in addresses if _is_public(address)]
    if not public:
        raise Unreadable(f"the host {host} is in a private network")
    return public[:MOST_ADDRESSES]


def _is_public(text: str) -> bool:
    """Whether an address is one of a host that everybody can reach, and of no other."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in net for net in _V4_NO_HOSTS)
    return _is_public_v6(address)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _V6_HOSTS:
        return False
    is_tunnel = int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
    return address.is_global and not is_tunnel and not any(address in n for n in _V6_NO_HOSTS)
