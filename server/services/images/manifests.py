"""NDJSON manifests: parsed line by line, and the addresses in them held to what is allowed."""

import ipaddress
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationError

from server.errors import BadInput, first_complaint
from server.json_text import parse_json
from server.pictures import BadPicture
from server.schemas.image import ManifestLine
from server.settings import Settings
from trainer.contract.names import why_no_path, why_refused
from trainer.contract.walk import Spellings

MAX_URI = 2000
MAX_LINE_BYTES = 16_384
MOST_SECONDS = 300
"""For one picture from another host, which would keep all others waiting."""


def parse(lines: Iterable[bytes]) -> Iterator[tuple[int, ManifestLine]]:
    """(line number, line) of each line that is not blank.

    Raises BadInput that names the line when one is not valid.
    """
    for number, raw in enumerate(lines, 1):
        if len(raw) > MAX_LINE_BYTES:
            raise BadInput(f"line {number}: longer than {MAX_LINE_BYTES} bytes", line=number)
        text = raw.strip()
        if text:
            yield number, _parse_line(number, text)


def _parse_line(number: int, text: bytes) -> ManifestLine:
    try:
        return ManifestLine.model_validate(parse_json(text))
    except ValidationError as error:
        field, message = first_complaint(error)
        raise BadInput(f"line {number}: {field or 'the line'}: {message}", line=number) from error
    except ValueError as error:
        raise BadInput(f"line {number}: not JSON: {error}", line=number) from error


def refuse_uri(uri: str, settings: Settings) -> str | None:
    """Why an address may not be imported; None when it may. Opens nothing."""
    if reason := why_refused(uri, MAX_URI):
        return reason
    if "://" not in uri:
        return _refuse_path(uri)
    try:
        parts = urlsplit(uri)
        _ = parts.port  # which is looked at only now
    except ValueError as error:
        return f"not a valid address: {error}"
    return _refuse_address(parts, settings)


def _refuse_path(uri: str) -> str | None:
    if "\\" in uri:
        return "the path has a backslash; write folders with forward slashes"
    if uri.startswith("file:") or why_no_path(uri):
        return "a path must be relative to the server's image folder and stay below it"
    return None


def _refuse_address(parts: SplitResult, settings: Settings) -> str | None:
    if parts.scheme != "https":
        return f"{parts.scheme}:// is not allowed; give a path, or https:// of an allowed host"
    if parts.username or parts.password:
        return "an address may not contain a password"
    if parts.hostname not in settings.image_hosts:
        return f"the host {parts.hostname} is not among the server's allowed image hosts"
    return None


class Unreadable(BadPicture):
    """Why the file behind an address can not be read."""


def read_uri(uri: str, settings: Settings) -> bytes:
    """The bytes behind an address that `refuse_uri` let through. Raises Unreadable or OSError."""
    if reason := refuse_uri(uri, settings):
        raise Unreadable(reason)
    return _download(uri, settings) if "://" in uri else _read_path(uri, settings)


def _read_path(uri: str, settings: Settings) -> bytes:
    root = settings.images.resolve()
    try:
        path = Spellings().on_disk(root / uri).resolve()
    except RuntimeError as error:
        raise Unreadable("can not be read: its links lead in a circle") from error
    # resolve() follows links: one that leads out of the folder is caught here.
    if not (settings.image_links or path.is_relative_to(root)):
        raise Unreadable("the path leads out of the server's image folder")
    found = path.stat()
    # A pipe would be waited for without end.
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("can not be read: it is not a file")
    if found.st_size > settings.max_image_bytes:
        raise Unreadable(f"larger than {settings.max_image_bytes / 2**20:.0f} MB")
    return path.read_bytes()


def _download(uri: str, settings: Settings) -> bytes:
    # It brings a program of its own along, with all that this shows on a terminal.
    import httpx  # noqa: PLC0415

    _refuse_private_address(urlsplit(uri).hostname or "")
    content = bytearray()
    until = time.monotonic() + MOST_SECONDS
    try:
        with (
            httpx.Client(follow_redirects=False, timeout=20, trust_env=False) as client,
            client.stream("GET", uri) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise Unreadable(f"the host answered {response.status_code}")
            for piece in response.iter_bytes():
                content += piece
                if len(content) > settings.max_image_bytes:
                    raise Unreadable(f"larger than {settings.max_image_bytes / 2**20:.0f} MB")
                if time.monotonic() > until:
                    raise Unreadable(f"not sent within {MOST_SECONDS} seconds")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"can not be fetched: {type(error).__name__}") from error
    return bytes(content)


def _refuse_private_address(host: str) -> None:
    """An allowed host whose name leads into a private network is still refused."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreadable(f"the host {host} can not be found") from error
    for *_, address in found:
        if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
            raise Unreadable(f"the host {host} is in a private network")
