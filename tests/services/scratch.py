"""Where tests write: in memory, if that has room. Most of it is read once, and no disk need keep it."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 12 * 2**30
"""Bytes that must be free: more than all tests together take, and what they have written."""


@contextmanager
def in_memory(memory: Path = MEMORY, room: int = ROOM) -> Iterator[None]:
    """Temporary files of this process, and of those that it starts, are in memory and gone at the end.

    They stay where they are if TMPDIR says where, or where memory has no room or bars programs.
    """
    if "TMPDIR" in os.environ or not _has_room(memory, room):
        yield
        return
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(
        prefix="weakseg-tests-", dir=memory, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as somebody else where root starts it
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            yield
        finally:
            del os.environ["TMPDIR"]
            tempfile.tempdir = before


def _has_room(memory: Path, room: int) -> bool:
    try:
        there = os.statvfs(memory)
        found = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return False
    available = 1024 * int(found[1]) if found else 0
    bars_programs = bool(there.f_flag & getattr(os, "ST_NOEXEC", 0))
    return min(available, there.f_bavail * there.f_frsize) >= room and not bars_programs
