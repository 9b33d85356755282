"""Files that never change, sent with what caches and resumed downloads need (RFC 9110, 9530)."""

import base64
import os
import re
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import IO
from urllib.parse import quote

from anyio import CapacityLimiter
from fastapi import Request, Response
from fastapi.responses import FileResponse

from server.api.problems import problem
from server.models import AuditEvent
from server.services import audit
from server.services.audit import Thing
from server.settings import get_settings
from server.storage import get_storage

FOR_EVER = "private, max-age=31536000, immutable"
NEVER_CHANGED = formatdate(0, usegmt=True)
PIECE = 2**16
SMALL = 2**20
"""Bytes of a file that is read as a whole."""
PICTURE_TYPES = {
    ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
}  # fmt: skip
PICTURES = CapacityLimiter(max(4, os.cpu_count() or 1))
"""So few pictures are read and scaled at once: whoever labels waits beside them, not behind all."""
_SINGLE_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


async def turn_of_picture() -> AsyncIterator[None]:
    """One of the few turns, from before it is known who asks until the picture is read."""
    async with PICTURES:
        yield


def send_file(
    request: Request,
    path: Path,
    *,
    tag: str,
    media_type: str,
    filename: str | None = None,
    sha256: str | None = None,
    cache: str = FOR_EVER,
    by_proxy: bool = False,
) -> Response:
    """The file, a range of it, 304, or 416.

    `tag` is the ETag's text; `sha256` (hex) is announced as Repr-Digest. A Range header that is
    malformed, or asks for several ranges, is passed over, as RFC 9110 section 14.2 allows.
    With `by_proxy`, a proxy in front that can send it is told which file it is; then none of the other
    headers but those on caching and on what it is reach the reader.
    """
    headers = {"ETag": f'"{tag}"', "Cache-Control": cache}
    if _has_it(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    prefix = get_settings().accel_prefix
    if by_proxy and prefix is not None:
        place = path.relative_to(get_storage().root).as_posix()
        headers["X-Accel-Redirect"] = prefix + quote(place)
        return Response(headers=headers, media_type=media_type)
    if sha256 is not None:
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        headers["Repr-Digest"] = f"sha-256=:{digest}:"
    size = path.stat().st_size
    if not _keep_satisfiable_range(request, headers["ETag"], size):
        return problem(
            416,
            f"the file has {size} bytes; {request.headers['range']!r} is outside of it",
            "range-invalid",
            headers={"Content-Range": f"bytes */{size}"},
        )
    if size <= SMALL and filename is None and "range" not in request.headers:
        # At once: in pieces, each would wait for a thread.
        headers["Accept-Ranges"] = "bytes"
        return Response(path.read_bytes(), headers=headers, media_type=media_type)
    if by_proxy:
        # Of a picture, when its file was written would tell which images came together.
        headers["Last-Modified"] = NEVER_CHANGED
    return FileResponse(path, headers=headers, media_type=media_type, filename=filename)


def note_download(request: Request, answer: Response, what: AuditEvent, on: Thing) -> Response:
    """The answer, once the audit log has who takes a file: whole, or a part of it."""
    if request.method == "GET" and answer.status_code in (200, 206):
        audit.record_now(what, on)
    return answer


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A temporary file from its beginning; it is closed at the end."""
    with file:
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _has_it(request: Request, etag: str) -> bool:
    tags = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    return "*" in tags or etag in [tag.removeprefix("W/") for tag in tags]


def _keep_satisfiable_range(request: Request, etag: str, size: int) -> bool:
    """Whether to go on; takes a Range header away that the whole file answers."""
    asked = request.headers.get("range")
    if asked is None:
        return True
    found = _SINGLE_RANGE.match(asked.replace(" ", ""))
    first, last = found.groups() if found else ("", "")
    backwards = first and last and int(first) > int(last)
    outdated = request.headers.get("if-range", etag) != etag
    if not (first or last) or backwards or outdated:
        kept = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
        request.scope["headers"] = kept
        return True
    return int(first) < size if first else int(last) > 0
