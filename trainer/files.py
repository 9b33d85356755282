"""Files that are either complete or not there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name, sync, rename."""
    # Several processes may write the same file at once, each a complete one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with removed_on_error(temporary):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def removed_on_error(path: Path) -> Iterator[None]:
    """Leave nothing at `path` when what is inside fails."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()
