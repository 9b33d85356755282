"""Archives from strangers: what of a ZIP file is taken, and what is refused by its name.

Nothing is written under a name that the archive has, so that no name can lead anywhere; names that try
to are refused all the same, as whoever made them means something else than a dataset.
"""

import errno
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trainer.contract.names import comparable, shown, why_no_path, why_unsafe
from trainer.contract.walk import KEPT_BY_PROGRAMS, PICTURE_SUFFIXES

MOST_RATIO = 200
"""So many times larger than packed: pictures that are not drawn to be so stay far below."""
SMALL = 2**24
"""Bytes of what may be packed better: a mask of one value."""
LONGEST_DIRECTORY = 2**27
"""Bytes of the list of what is in an archive."""
PIECE = 2**18
CARDS = frozenset({"card.yaml", "card.yml"})
LONGEST_CARD = 2**16

_END, _END64, _LOCATOR64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENDING = re.compile(r"(\.\w{1,10})$")
_DRIVE = re.compile(r"^[A-Za-z]:")
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,
)


class BadArchive(ValueError):
    """Why nothing of an archive is taken."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    files: int
    bytes: int
    """Of all files, unpacked."""
    file_bytes: int
    """Of one file, unpacked."""


@dataclass
class Unpacked:
    """What became of the members of an archive."""

    refused: list[tuple[str, str]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    card: str | None = None
    """The text of a `card.yaml` at its top, or in its only folder."""

    def leave_out(self, reason: str) -> None:
        """Count a member that is no picture, for a reason in a word."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


Store = Callable[[str, Iterator[bytes]], str | None]
"""Keeps a file under its name; says why it can not."""


def unpack(
    path: Path, limits: Limits, store: Store, advance: Callable[[int, int], object]
) -> Unpacked:
    """Hand each picture of an archive to `store`, in pieces.

    Raises BadArchive for one that is no ZIP file, is damaged, or unpacks to more than it may; then some
    of its files may have been stored.
    """
    _refuse_directory(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpack(archive, limits, store, advance)
    except BadArchive:
        raise
    except _DAMAGE as error:
        raise BadArchive(f"the archive is damaged: {error}") from error


def _refuse_directory(path: Path, limits: Limits) -> None:
    """Before the list of members is read, which takes memory by their number."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 22 - 2**16))
        tail = file.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < 22:
            raise BadArchive("it is not a ZIP file, or its end is missing")
        members, length = struct.unpack_from("<H I", tail, at + 10)
        if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
            (place,) = struct.unpack_from("<Q", tail, at - 12)
            file.seek(min(place, size))
            record = file.read(56)
            if len(record) == 56 and record[:4] == _END64:
                members, length = struct.unpack_from("<Q Q", record, 32)
    if members > limits.files or length > LONGEST_DIRECTORY:
        raise BadArchive(f"it has more than {limits.files:,} members")


def _unpack(
    archive: zipfile.ZipFile, limits: Limits, store: Store, advance: Callable[[int, int], object]
) -> Unpacked:
    members = archive.infolist()
    if len(members) > limits.files:
        raise BadArchive(f"it has more than {limits.files:,} members")
    if sum(each.file_size for each in members) > limits.bytes:
        raise BadArchive(f"it unpacks to more than {limits.bytes:,} bytes")
    unpacking = _Unpacking(archive, limits, store, limits.bytes)
    for number, member in enumerate(members, start=1):
        if not member.is_dir():
            unpacking.take(member)
        advance(number, len(members))
    return unpacking.result


@dataclass
class _Unpacking:
    archive: zipfile.ZipFile
    limits: Limits
    store: Store
    left: int
    """Bytes that may still come."""
    result: Unpacked = field(default_factory=Unpacked)
    seen: set[str] = field(default_factory=set)

    def take(self, member: zipfile.ZipInfo) -> None:
        """Hand on one member, or note why not."""
        name = member.filename.replace("\\", "/")
        reason = why_refused(member, self.limits) or _why_not_opened(name)
        if reason is None and comparable(name) in self.seen:
            reason = "this name is in the archive twice"
        if reason is not None:
            self.result.refused.append((shown(name), reason))
        elif _is_card(name, member):
            self.result.card = self.archive.read(member).decode("utf-8", "replace")
        elif (left_out := _why_left_out(name)) is not None:
            self.result.leave_out(left_out)
        else:
            self.seen.add(comparable(name))
            self._store(name, member)

    def _store(self, name: str, member: zipfile.ZipInfo) -> None:
        most = min(self.left, self.limits.file_bytes, member.file_size)
        taken = _Counted(self.archive, member, most)
        try:
            refusal = self.store(name, iter(taken))
        except _DAMAGE as error:
            refusal = f"it is damaged: {error}"
        except OSError as error:
            if error.errno != errno.EINVAL:  # a place in the file that no file has
                raise
            refusal = "it is damaged"
        self.left -= taken.bytes
        if refusal:
            self.result.refused.append((shown(name), refusal))


def _why_left_out(name: str) -> str | None:
    """Why a member counts as none, in a word."""
    parts = name.split("/")
    if any(each.startswith(".") or each.casefold() in KEPT_BY_PROGRAMS for each in parts):
        return "hidden"
    ending = _ending(name)
    return None if ending in PICTURE_SUFFIXES else ending or "without an ending"


def _why_not_opened(name: str) -> str | None:
    return "an archive within the archive is not opened" if _ending(name) in _ARCHIVES else None


def _ending(name: str) -> str:
    found = _ENDING.search(name.lower())
    return found[0] if found else ""


def _is_card(name: str, member: zipfile.ZipInfo) -> bool:
    *folders, file = name.split("/")
    return file.lower() in CARDS and len(folders) <= 1 and member.file_size <= LONGEST_CARD


class _Counted:
    """A member in pieces, which ends with an error where it is larger than it says."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> None:
        self.bytes = 0
        self._archive, self._member, self._most = archive, member, most

    def __iter__(self) -> Iterator[bytes]:
        with self._archive.open(self._member) as packed:
            yield from self._pieces(packed)

    def _pieces(self, packed: IO[bytes]) -> Iterator[bytes]:
        while piece := packed.read(PIECE):
            self.bytes += len(piece)
            if self.bytes > self._most:
                raise zipfile.BadZipFile("it unpacks to more than it says")
            yield piece


def why_refused(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Why a member is not taken, by what the archive says of it; None when it may be."""
    name = member.filename.replace("\\", "/")
    if _DRIVE.match(name):
        return "the path is absolute"
    kind = stat.S_IFMT(member.external_attr >> 16)
    size, packed = member.file_size, member.compress_size
    reasons = {
        "it is a link": kind == stat.S_IFLNK,
        "it is not a file": kind not in (0, stat.S_IFREG, stat.S_IFLNK),
        "it is encrypted": bool(member.flag_bits & 0x1),
        "it is packed in a way that is not taken; use the usual one (deflate)": (
            member.compress_type not in _METHODS
        ),
        f"it is larger than {limits.file_bytes / 2**20:.0f} MB": size > limits.file_bytes,
        f"it unpacks to more than {MOST_RATIO} times its size": (
            size > max(SMALL, MOST_RATIO * packed)
        ),
    }
    is_so = (reason for reason, holds in reasons.items() if holds)
    return why_no_path(name) or why_unsafe(name) or next(is_so, None)
