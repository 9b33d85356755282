"""Pictures of a folder: the one way in which files are looked for, and what it leaves out.

Linked folders are followed, as `find -L` does it: a folder within itself is not entered again. What is
hidden, or has no picture's ending, is left out and counted, so that every caller can say it.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path, PurePath

from trainer.contract.cards import DatasetCard
from trainer.contract.names import comparable

PICTURE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff",
    ".bmp", ".dib", ".avif", ".avifs", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx",
    ".ppm", ".pgm", ".pbm", ".pnm",
})  # fmt: skip
"""Endings of pictures, in lower case. Whoever reads one may still refuse it, by name."""

KEPT_BY_PROGRAMS = frozenset(
    name.casefold()
    for name in ("@eaDir", "@Recycle", "#recycle", "#snapshot", "$RECYCLE.BIN", "__MACOSX",
                 "System Volume Information", "lost+found", "Thumbs.db", "ehthumbs.db",
                 "desktop.ini", "Icon\r")
)  # fmt: skip
LISTED_REASONS = 10
_WILDCARD = re.compile(r"[*?\[]")
_ENDING = re.compile(r"\.\w{1,10}")

# Why something is left out, as "3 hidden"; or it is an ending.
HIDDEN = "hidden"
LOOP = "linked in a circle"
UNREADABLE = "not readable"
BROKEN = "linked to nothing"
NO_FILE = "not a file"
_FOLDER = "folders deeper than the pattern"
NO_ENDING = "without an ending"
OTHER_ENDING = "with another ending"


@dataclass(frozen=True)
class Pictures:
    """What was found below a folder."""

    folder: Path
    names: tuple[str, ...]
    """Paths below the folder, with forward slashes, as they are on disk; in order."""
    left_out: Mapping[str, int]
    """How many files and folders were left out, by reason."""

    @property
    def paths(self) -> Iterator[Path]:
        """Where each of `names` is."""
        return (self.folder / name for name in self.names)


def describe_left_out(left_out: Mapping[str, int]) -> str:
    """`left out: 2 hidden, 3 .pdf`; empty when nothing was."""
    counts = sorted(left_out.items(), key=lambda one: (one[0].startswith("."), -one[1], one[0]))
    listed = [f"{count} {reason}" for reason, count in counts[:LISTED_REASONS]]
    if more := sum(count for _, count in counts[LISTED_REASONS:]):
        listed.append(f"{more} more")
    return f"left out: {', '.join(listed)}" if listed else ""


def pictures_below(folder: Path) -> Pictures:
    """All pictures of a folder and the folders in it. What cannot be opened is left out."""
    return _Search(_Pattern(("**", "*"))).below(folder, "")


def pictures_of(card: DatasetCard) -> Pictures:
    """The pictures that a card's pattern names; what it names by a dot is not hidden.

    Raises:
        ValueError: the pattern leads nowhere.
    """
    pattern = PurePath(card.image_glob)
    parts = (*pattern.parts, "*") if pattern.name == "**" else pattern.parts
    if not parts or pattern.is_absolute():
        raise ValueError(f"{card.image_glob!r} is no path below the root")
    certain = next((i for i, part in enumerate(parts) if _WILDCARD.search(part)), len(parts) - 1)
    if ".." in parts[certain:]:
        raise ValueError(f"{card.image_glob!r} leads back out of a folder")
    below = _as_on_disk(card.root, parts[:certain])
    found = _Search(_Pattern(parts[certain:])).below(card.root, below)
    names = tuple(name for name in found.names if card.is_image(card.root / name))
    return Pictures(card.root, names, found.left_out)


def _as_on_disk(folder: Path, parts: tuple[str, ...]) -> str:
    """A path below a folder, each of its names as it is spelled there, with a slash at its end."""
    spellings, below = Spellings(), ""
    for part in parts:
        folder = spellings.on_disk(folder / part)
        below += f"{folder.name}/"
    return below


class Spellings:
    """Finds files whose names are spelled in another way on disk; looks into each folder once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Path]] = {}

    def on_disk(self, path: Path) -> Path:
        """The path as it is spelled on disk; as it was given when nothing is there."""
        if path.exists() or path == path.parent:
            return path
        return self._spelled_in(self.on_disk(path.parent)).get(comparable(path.name), path)

    def _spelled_in(self, folder: Path) -> dict[str, Path]:
        if folder not in self._folders:
            try:
                beside = sorted(folder.iterdir(), reverse=True)
            except OSError:
                beside = []
            self._folders[folder] = {comparable(path.name): path for path in beside}
        return self._folders[folder]


class _Pattern:
    """Parts of a path: `**` for any folders, or a glob of one name.

    States are the positions in it that the names so far have led to.
    """

    def __init__(self, parts: tuple[str, ...]) -> None:
        self._any = [part == "**" for part in parts]
        self._parts = [re.compile(translate(comparable(part))) for part in parts]
        self._named = {comparable(part) for part in parts}
        self.start = self._with_empty({0})

    def _with_empty(self, states: set[int]) -> frozenset[int]:
        """And where `**` for no folder at all leads."""
        for position, is_any in enumerate(self._any):
            if is_any and position in states:
                states.add(position + 1)
        return frozenset(states)

    def after(self, states: frozenset[int], name: str) -> frozenset[int]:
        name = comparable(name)
        here = [state for state in states if state < len(self._parts)]
        stay = {state for state in here if self._any[state]}
        on = {state + 1 for state in here if state not in stay and self._parts[state].match(name)}
        return self._with_empty(stay | on)

    def is_whole(self, states: frozenset[int]) -> bool:
        return len(self._parts) in states

    def leads_on(self, states: frozenset[int]) -> bool:
        return any(state < len(self._parts) for state in states)

    def is_named(self, name: str) -> bool:
        """Whether it is there by its own name, not by a wildcard."""
        return comparable(name) in self._named


@dataclass(frozen=True)
class _Folder:
    """A folder that is to be looked into."""

    path: Path
    below: str
    """Its path below the root, with a slash at its end; empty for that."""
    states: frozenset[int]
    above: frozenset[tuple[int, int]]
    """Device and number of the folders that it is in."""


class _Search:
    def __init__(self, pattern: _Pattern) -> None:
        self._pattern = pattern
        self._names: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._waiting: list[_Folder] = []

    def below(self, root: Path, below: str) -> Pictures:
        start = _Folder(root / below, below, self._pattern.start, frozenset())
        self._waiting.append(start)
        while self._waiting:
            folder = self._waiting.pop()
            try:
                self._look_into(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue  # what the pattern names is not there, or has gone meanwhile
            except OSError:
                self._left_out[UNREADABLE] += 1
        names = sorted(self._names, key=lambda name: name.split("/"))
        return Pictures(root, tuple(names), self._left_out)

    def _look_into(self, folder: _Folder) -> None:
        status = folder.path.stat()
        here = (status.st_dev, status.st_ino)
        if here in folder.above:
            self._left_out[LOOP] += 1
            return
        with os.scandir(folder.path) as entries:
            for entry in entries:
                if states := self._pattern.after(folder.states, entry.name):
                    self._take(entry, folder, states, folder.above | {here})

    def _take(
        self,
        entry: os.DirEntry[str],
        folder: _Folder,
        states: frozenset[int],
        above: frozenset[tuple[int, int]],
    ) -> None:
        name = folder.below + entry.name
        if is_hidden(entry.name) and not self._pattern.is_named(entry.name):
            self._left_out[HIDDEN] += 1
        elif (reason := _why_no_picture(entry)) == _FOLDER and self._pattern.leads_on(states):
            self._waiting.append(_Folder(Path(entry.path), f"{name}/", states, above))
        elif self._pattern.is_whole(states):
            if reason:
                self._left_out[reason] += 1
            else:
                self._names.append(name)


def is_hidden(name: str) -> bool:
    """Whether the last name of a path is of what people do not see, or programs keep for themselves."""
    return name.startswith(".") or name.casefold() in KEPT_BY_PROGRAMS


def _why_no_picture(entry: os.DirEntry[str]) -> str | None:
    try:
        if entry.is_dir():
            return _FOLDER
        is_file = entry.is_file()
    except OSError:  # a link to itself
        is_file = False
    ending = PurePath(entry.name).suffix.lower()
    if not ending:
        return NO_ENDING
    if ending not in PICTURE_SUFFIXES:
        return ending if _ENDING.fullmatch(ending) else OTHER_ENDING
    if is_file:
        return None
    return BROKEN if entry.is_symlink() else NO_FILE
