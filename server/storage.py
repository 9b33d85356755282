"""Files by key, on local disk below `settings.files`."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import structlog

from server.errors import NotFound, StorageFull, Unavailable, WeaksegError
from server.settings import get_settings

log = structlog.get_logger()

_WHAT = {"scaled": "scaled images", "projects": "snapshots", "runs": "results of runs"}
"""What the first part of a key stands for, where it does not say so itself."""
_MODE = 0o640
"""Of stored files, less what the settings withhold."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_full(error: OSError) -> bool:
    """Whether a disk, a quota or a limit on the size of files left no room."""
    return error.errno in _FULL


def withhold() -> None:
    """Keep what this process and its children make to those whom the settings let at it."""
    os.umask(get_settings().withheld)


def withhold_what_is_there() -> None:
    """Keep the embedded database, files, messages and runs of earlier versions to them too.

    A folder is closed with all that is in it. What belongs to somebody else stays as it is.
    """
    settings = get_settings()
    data = settings.data.absolute()
    for path in (settings.files, settings.runs, data / "broker", *data.glob("weakseg.sqlite3*")):
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~settings.withheld)


def folder_trouble(folder: Path, min_free_bytes: int) -> str | None:
    """Why new files cannot be put into a folder; None when they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can be written")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return "the disk is full" if is_full(error) else f"cannot be written: {error.strerror}"
    if free < min_free_bytes:
        return f"the disk is full: {free / 2**20:.0f} MB are left"
    return None


def refusal(error: OSError, what: str) -> WeaksegError:
    """What to tell of a file that cannot be written; the log has its path."""
    log.error("file not written", path=error.filename, error=error.strerror or str(error))
    if is_full(error):
        return StorageFull(f"the server's disk for {what} is full; nothing was stored")
    why = error.strerror or "an unknown reason"
    return Unavailable(f"the server cannot store {what}: {why}", code="storage-away")


class Storage:
    """Immutable files named by slash-separated keys that the server makes itself."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the file of a key is, or will be.

        Raises ValueError for a key that would leave the root.
        """
        path = self.root / key
        if Path(key).is_absolute() or ".." in Path(key).parts:
            raise ValueError(f"not a storage key: {key!r}")
        return path

    def exists(self, key: str) -> bool:
        return self.path(key).is_file()

    def keep(self, key: str) -> bool:
        """Whether there is a file under a key; then it is as young as a new one.

        So nobody who looks for old files that no row needs takes it before its row is there.
        """
        try:
            os.utime(self.path(key))
        except FileNotFoundError:
            return False
        return True

    def existing_path(self, key: str) -> Path:
        """Raises NotFound when there is no such file."""
        path = self.path(key)
        if not path.is_file():
            raise NotFound(f"the file {key} is missing from storage")
        return path

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """A file that appears under its key, complete, when the block ends without error.

        Raises StorageFull or Unavailable when it cannot be written; then nothing of it stays.
        """
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
            with _removed_on_error(Path(name)):
                with os.fdopen(handle, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(_MODE & ~get_settings().withheld)
                Path(name).replace(path)
        except OSError as error:
            kind = key.partition("/")[0]
            raise refusal(error, _WHAT.get(kind, kind)) from error

    def put_bytes(self, key: str, content: bytes) -> None:
        with self.writing(key) as file:
            file.write(content)

    def put_file(self, key: str, source: Path) -> None:
        with source.open("rb") as original, self.writing(key) as file:
            shutil.copyfileobj(original, file, 1 << 20)

    def put_link(self, key: str, source: Path) -> None:
        """Give a finished file a second name under a key, or copy it to another disk.

        Whoever made the file must replace it, not write into it, from then on.
        """
        path = self.path(key)
        link = path.with_name(f".writing-{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, link)
        except OSError:
            self.put_file(key, source)
            return
        link.chmod(_MODE & ~get_settings().withheld)
        os.utime(link)
        link.replace(path)
        # A name over another of the same file leaves both.
        link.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@lru_cache
def _storage_at(root: Path) -> Storage:
    return Storage(root)


def get_storage() -> Storage:
    """The process's storage."""
    return _storage_at(get_settings().files)


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
