"""Files by key, on local disk below `settings.files`."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from server.errors import NotFound
from server.settings import get_settings


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

    def existing_path(self, key: str) -> Path:
        """Raises NotFound when there is no such file."""
        path = self.path(key)
        if not path.is_file():
            raise NotFound(f"the file {key} is missing from storage")
        return path

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """A file that appears under its key, complete, when the block ends without error."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o640)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def put_bytes(self, key: str, content: bytes) -> None:
        with self.writing(key) as file:
            file.write(content)

    def put_file(self, key: str, source: Path) -> None:
        with self.writing(key) as file, source.open("rb") as original:
            shutil.copyfileobj(original, file, 1 << 20)

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)


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
