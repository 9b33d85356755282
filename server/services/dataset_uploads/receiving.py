"""Files and archives as they arrive: small files many at a time, an archive in pieces.

The same file again changes nothing, and an archive goes on where it has ended, so that what broke off
is simply sent again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict, StorageFull
from server.models import DatasetUpload
from server.services.dataset_uploads import uploads
from server.services.images.importing import Imported
from server.settings import get_settings
from server.storage import get_storage, refusal
from trainer.contract.names import comparable, why_no_path, why_unsafe
from trainer.contract.walk import PICTURE_SUFFIXES

LONGEST_PIECE = 2**25
"""Bytes of an archive in one request."""
PIECE = 2**20
NAMES, ARCHIVE = "names.jsonl", "archive"


class Stored(NamedTuple):
    """A file that has arrived."""

    name: str
    file: str
    """Below the upload's folder."""
    bytes: int
    sha256: str


def folder_of(upload: DatasetUpload) -> Path:
    """Where all of an upload is."""
    return get_storage().path(f"datasets/{upload.folder}")


def stored_in(folder: Path) -> dict[str, Stored]:
    """What has arrived, by comparable name. A line that a kill cut off is of a file that is sent again."""
    found: dict[str, Stored] = {}
    with suppress(FileNotFoundError), (folder / NAMES).open(encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):
                stored = Stored(**json.loads(line))
                found[comparable(stored.name)] = stored
    return found


def receive_files(
    upload_id: int, person_id: int | None, files: Iterable[tuple[str, BinaryIO]]
) -> Imported:
    """Keep files under their paths, with forward slashes. Raises NotFound, Conflict, StorageFull."""
    with session_scope(read_only=True) as session:
        upload = uploads.require_open(uploads.get(session, upload_id, person_id))
    result = Imported()
    with failing():
        waiting = list(_set_down(folder_of(upload), files, result))
    try:
        with session_scope() as session:
            upload = uploads.require_open(uploads.get(session, upload_id, person_id, lock=True))
            with failing():
                known = stored_in(folder_of(upload))
                for temporary, stored in waiting:
                    refused = keep(session, upload, temporary, stored, known)
                    if refused == "same":
                        result.skipped += 1
                    elif refused:
                        result.reject(stored.name, refused)
                    else:
                        result.imported += 1
            upload.changed_at = utcnow()
    finally:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)
    return result


def _set_down(
    folder: Path, files: Iterable[tuple[str, BinaryIO]], result: Imported
) -> Iterator[tuple[Path, Stored]]:
    limit = get_settings().max_image_bytes
    for name, content in files:
        if reason := why_not_named(name):
            result.reject(name, reason)
            continue
        pieces = iter(lambda content=content: content.read(PIECE), b"")  # type: ignore[misc]
        temporary, size, digest = set_down(folder, pieces)
        if size > limit or size == 0:
            temporary.unlink()
            why = "it is empty" if size == 0 else f"larger than {limit / 2**20:.0f} MB"
            result.reject(name, why)
            continue
        yield temporary, Stored(name, "", size, digest)


def why_not_named(name: str) -> str | None:
    """Why a file is not taken by its name; None when it is."""
    if reason := why_no_path(name) or why_unsafe(name):
        return reason
    if Path(name).suffix.lower() not in PICTURE_SUFFIXES:
        return "its ending is none of a picture or a mask"
    return None


def set_down(folder: Path, pieces: Iterable[bytes]) -> tuple[Path, int, str]:
    """Write a file under a name of its own; gives its path, size and sha256."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder / "files", prefix=".writing-")
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name), size, digest.hexdigest()


def keep(
    session: Session,
    upload: DatasetUpload,
    temporary: Path,
    stored: Stored,
    known: dict[str, Stored],
) -> str | None:
    """Give a file its number and its name, holding the upload's row; or say why not.

    `known` is what has arrived by then, to which the file is added. `same` when it is there already. Raises StorageFull beyond the quota.
    """
    folder, settings = folder_of(upload), get_settings()
    there = known.get(comparable(stored.name))
    if there is not None:
        return "same" if there.sha256 == stored.sha256 else "another file has this name already"
    if len(known) >= settings.max_dataset_files:
        return f"there are {settings.max_dataset_files:,} files already"
    require_room(session, upload, stored.bytes)
    file = f"files/{len(known) + 1:06}{Path(stored.name).suffix.lower()}"
    temporary.replace(folder / file)
    stored = stored._replace(file=file)
    with (folder / NAMES).open("a", encoding="utf-8") as names:
        names.write(json.dumps(stored._asdict(), ensure_ascii=False) + "\n")
    known[comparable(stored.name)] = stored
    upload.files, upload.bytes = len(known), upload.bytes + stored.bytes
    return None


def require_room(session: Session, upload: DatasetUpload, more: int) -> None:
    """Raises StorageFull when an upload, or all of them, would take more than the settings let them."""
    settings = get_settings()
    if upload.bytes + more > settings.max_dataset_bytes:
        raise StorageFull(f"a dataset has at most {settings.max_dataset_bytes:,} bytes")
    if uploads.used_bytes(session) + more > settings.dataset_quota_bytes:
        raise StorageFull("uploaded datasets may take no more room; remove others first")
    folder = folder_of(upload)
    with failing():
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < more + settings.min_free_bytes:
        raise StorageFull("the server's disk for datasets is full; nothing was stored")


def receive_piece(
    upload_id: int, person_id: int | None, offset: int, size: int, piece: bytes
) -> DatasetUpload:
    """Add the next piece of an archive of `size` bytes; gives the upload as it is then.

    Raises NotFound, BadInput, Conflict `wrong-offset` where it does not go on from what is there, and
    StorageFull.
    """
    with session_scope() as session:
        upload = uploads.require_open(uploads.get(session, upload_id, person_id, lock=True))
        if size > get_settings().max_dataset_bytes:
            raise StorageFull(f"an archive has at most {get_settings().max_dataset_bytes:,} bytes")
        if offset + len(piece) > size:
            raise BadInput("offset: more arrives than the archive has")
        if offset == 0 and upload.archive_size is not None and piece:
            # Another archive, or the same from its beginning.
            upload.bytes -= upload.archive_bytes
            upload.archive_bytes = 0
        if offset != upload.archive_bytes or (offset and upload.archive_size != size):
            raise Conflict(
                f"the archive goes on at byte {upload.archive_bytes}", code="wrong-offset"
            )
        require_room(session, upload, len(piece))
        archive = folder_of(upload) / ARCHIVE
        with failing(), archive.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.truncate()
            file.write(piece)
        upload.archive_size, upload.archive_bytes = size, offset + len(piece)
        upload.bytes += len(piece)
        upload.changed_at = utcnow()
    return upload


@contextmanager
def failing() -> Iterator[None]:
    """Turns what a disk refuses into StorageFull or Unavailable."""
    try:
        yield
    except OSError as error:
        raise refusal(error, "datasets") from error
