"""What follows from a dataset's images, on disk: made once and read by every later run.

Decoded, resized images are one `.npy` file for the images and one for the masks of a dataset at one size, named by a hash of
all that they follow from: the list of files with their sizes and times, the size, and which raw
value is which category. It is written under another name and renamed when whole, and mapped into
memory, so that processes share its pages and none copies it.
"""

import fcntl
import hashlib
import json
import math
import os
import re
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from trainer.run_folder.atomic import removed_on_error

VERSION = 2
"""Changes when the same files would be decoded to other pixels."""
CHECKSUM = 4
"""Bytes behind each row."""


@dataclass(frozen=True)
class Cache:
    """Where one dataset's rows are kept."""

    folder: Path
    dataset: str
    threads: int = 1
    """How many rows are made at once."""

    def path(self, kind: str, files: Sequence[Path], follows_from: Sequence[object]) -> Path:
        """The file of rows of a kind, made from `files` and from other things that are told."""
        stats = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
        told = json.dumps([VERSION, kind, stats, list(follows_from)])
        digest = hashlib.sha256(told.encode()).hexdigest()[:20]
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", self.dataset)
        return self.folder / f"{name}-{kind}-{digest}.npy"


class CachedRows:
    """Arrays of one shape, one for each index, in a file that is made when it is not there.

    A copy that travels to another process opens the file there.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        make: Callable[[int], NDArray[Any]],
        threads: int,
    ) -> None:
        self._path = path
        self._shape, self._dtype = shape, dtype
        self._make = make
        self._threads = threads
        self._rows: NDArray[Any] | None = None

    def __getitem__(self, index: int) -> NDArray[Any]:
        row: NDArray[Any] = (self.prepare() if self._rows is None else self._rows)[index]
        return row

    def prepare(self) -> NDArray[Any]:
        """All rows; makes the file unless it is there and whole.

        Raises:
            BadInput: from what makes a row.
            OSError: the file cannot be written; names it.
        """
        if self._rows is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self._path.with_suffix(".lock")):
                if self._open() is None:
                    self._write()
                self._rows = self._open()
        if self._rows is None:
            raise OSError(f"{self._path}: the cache cannot be read back")
        return self._rows

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_rows": None}

    def _open(self) -> NDArray[Any] | None:
        try:
            # Copies on write, as torch takes only writable memory; nothing is ever written.
            rows = np.load(self._path, mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = rows.shape == self._shape and rows.dtype == self._dtype
        return np.asarray(rows) if whole else None

    def _write(self) -> None:
        unfinished = self._path.with_suffix(".partial")
        try:
            with removed_on_error(unfinished), unfinished.open("wb") as file:
                header = {"descr": self._dtype.str, "fortran_order": False, "shape": self._shape}
                np.lib.format.write_array_header_1_0(file, header)
                self._write_rows(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path)
        except OSError as error:
            told = f"cannot write the cache: {error.strerror}"
            raise OSError(error.errno, told, str(self._path)) from error

    def _write_rows(self, file: IO[bytes]) -> None:
        console = Console(stderr=True)
        # A part at a time, so that no more than a part waits in memory for the disk.
        part = 8 * self._threads
        with ThreadPoolExecutor(self._threads) as pool:
            for first in track(
                range(0, self._shape[0], part),
                description=self._path.stem,
                console=console,
                disable=not console.is_terminal,
            ):
                for row in pool.map(self._make, range(first, min(first + part, self._shape[0]))):
                    file.write(np.ascontiguousarray(row, self._dtype).data)


class KeptRows:
    """Arrays of one shape, each written to a file as soon as it is made, and read from then on.

    A checksum behind each row tells it from one that is not there, is damaged, or is being written
    by another process, so that processes share a file without waiting for each other. It is read
    and written by system calls: a mapped file that is cut off, or for which the disk has no room,
    would end the process.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        weakref.finalize(self, os.close, self._file)
        self._bytes = row_bytes(shape, dtype)
        self._has_room = True

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return os.fstat(self._file).st_blocks * 512

    def read(self, index: int, into: NDArray[Any]) -> bool:
        """Whether a row is there; then it is in `into`, which is contiguous."""
        checksum = bytearray(CHECKSUM)
        try:
            count = os.preadv(self._file, [into.data, checksum], index * self._bytes)
        except OSError:
            return False
        return count == self._bytes and bytes(checksum) == _checksum(into)

    def write(self, index: int, row: NDArray[Any]) -> None:
        """Keep a row, unless the disk is full or cannot be written: then nothing more is kept."""
        if not self._has_room:
            return
        try:
            count = os.pwritev(self._file, [row.data, _checksum(row)], index * self._bytes)
        except OSError:
            count = 0
        self._has_room = count == self._bytes


def row_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """What a row of `KeptRows` takes on disk."""
    return math.prod(shape) * dtype.itemsize + CHECKSUM


def _checksum(row: NDArray[Any]) -> bytes:
    return zlib.crc32(row.data).to_bytes(CHECKSUM, "little")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time goes on; the others wait, also for one that dies meanwhile."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
