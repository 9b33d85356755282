"""NDJSON manifests: parsed line by line, and the addresses in them held to what is allowed."""

import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

from pydantic import ValidationError

from server.errors import BadInput, first_complaint
from server.json_text import parse_json
from server.schemas.image import ManifestLine
from server.services.images.fetching import Unreadable, fetch, refuse_address
from server.settings import Settings
from trainer.contract.names import why_no_path, why_refused
from trainer.contract.walk import Spellings

MAX_URI = 2000
MAX_LINE_BYTES = 16_384


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one that is too long is cut, so that it is not held in memory."""
    return iter(lambda: file.readline(MAX_LINE_BYTES + 1), b"")


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
        return refuse_address(urlsplit(uri), settings)
    except ValueError as error:
        return f"not a valid address: {error}"


def _refuse_path(uri: str) -> str | None:
    if "\\" in uri:
        return "the path has a backslash; write folders with forward slashes"
    if uri.startswith("file:") or why_no_path(uri):
        return "a path must be relative to the server's image folder and stay below it"
    return None


def read_uri(uri: str, settings: Settings) -> bytes:
    """The bytes behind an address that `refuse_uri` let through. Raises Unreadable or OSError."""
    if reason := refuse_uri(uri, settings):
        raise Unreadable(reason)
    return fetch(uri, settings) if "://" in uri else _read_path(uri, settings)


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
