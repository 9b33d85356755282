"""Files that are either complete or not there."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name, sync, rename."""
    # Several processes may write the same file at once, each a complete one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with naming(path), removed_on_error(temporary):
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
def naming(path: Path | str) -> Iterator[None]:
    """The system's errors inside, such as a full disk's, name this file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A place for files that come into `folder` together, when all are made; else none does.

    Those in folders of it come first, and files of the same names are replaced.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    unfinished = folder / ".partial"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        with naming(folder):
            unfinished.mkdir(parents=True)
        yield unfinished
        files = [path for path in unfinished.rglob("*") if path.is_file()]
        for file in sorted(files, key=lambda path: (-len(path.parts), path)):
            place = folder / file.relative_to(unfinished)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
        shutil.rmtree(unfinished)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise


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


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file, which is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
