"""Which image a label file means: one rule for all of its formats, in the server and in the trainer.

Files name images by path or address as another machine had them. An image is meant when its whole
name is given; else when one of the two names ends with the other, folders included; else, where one
of the two has no folder at all, when it is the only image with this file name. A folder that
contradicts is never passed over: of `cam2/1.png`, `cam1/1.png` is another camera's picture.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import unquote

from trainer.contract.names import LONGEST_PATH, comparable

SHOWN = 3
"""Candidates that an error names."""

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"file:(?://(?:localhost)?)?/(?=[^/]|$)", re.IGNORECASE)
_SHARE = re.compile(r"//(?P<host>[^/]+)(?P<path>/.*)")
_DRIVE = re.compile(r"/?(?P<host>[a-z]:)(?P<path>/.*|$)", re.IGNORECASE)
# Below all characters of names, so that what has a root is sorted before what has more folders.
_ROOT = "\0"
_AFTER_ROOT = "\1"
_NO_NAME = "\ufffd"


class MatchedBy(StrEnum):
    """How much of an image's name its name in a file has."""

    EXACT = "exact"
    PATH_ENDING = "path_ending"
    NAME_ALONE = "name_alone"


class NoMatch(ValueError):
    """Why a name in a file stands for no image, or not for one alone."""


@dataclass(frozen=True, slots=True)
class NamedPath:
    """A path or address, taken apart."""

    parts: tuple[str, ...]
    """Folders and file name, for comparison."""
    root: str = ""
    """Host, bucket, share or drive; empty for a path, absolute or not."""
    query: str = ""

    @property
    def file_name(self) -> str:
        """The last part; empty when there is none."""
        return self.parts[-1] if self.parts else ""

    @property
    def key(self) -> str:
        """The parts from the last to the first, then the root: what ends alike begins alike."""
        return f"{_ending(self.parts)}{_ROOT}{self.root}/" if self.root else _ending(self.parts)


def _ending(parts: Sequence[str]) -> str:
    return "".join(f"{part.replace(_ROOT, _NO_NAME)}/" for part in reversed(parts))


def path_of(text: str) -> NamedPath:
    """A path or address in any of its spellings: backslashes, drives, shares, `file:`, URLs."""
    slashed = comparable(text).replace("\\", "/")
    if local := _LOCAL.match(slashed):
        slashed = "/" + _decoded(slashed[local.end() :])
    elif address := _ADDRESS.match(slashed):
        scheme, host = address["scheme"].lower(), address["host"].casefold()
        path = _decoded(address["path"])
        if scheme != "file":
            kind = "http" if scheme == "https" else scheme
            return NamedPath(_parts(path), f"{kind}://{host}", address["query"] or "")
        slashed = f"//{host}{path}"
    if rooted := _DRIVE.match(slashed) or _SHARE.match(slashed):
        return NamedPath(_parts(rooted["path"]), rooted["host"].casefold())
    return NamedPath(_parts(slashed))


def _decoded(path: str) -> str:
    return comparable(unquote(path))


def _parts(path: str) -> tuple[str, ...]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


class ImageNames:
    """The names of some images, to be found by what a label file calls them."""

    def __init__(self, names: Iterable[str], where: str) -> None:
        """Args:
        names: each once, as the images have them.
        where: what the images are of, for errors: `the project`.
        """
        self._where = where
        self._names: dict[str, list[str] | str] = {}
        for name in names:
            _add(self._names, comparable(name), name)
        self._keys: list[str] = []
        self._in_order: list[str] = []
        self._deepest = 0

    def exact(self, text: str) -> str | None:
        """The image with this whole name; None when there is none."""
        found = _listed(self._names.get(comparable(text)))
        return text if text in found else found[0] if len(found) == 1 else None

    def find(self, text: str) -> tuple[str, MatchedBy]:
        """The image that this name, path or address stands for, and how it is known.

        Raises:
            NoMatch: naming the images that it may be or contradicts.
        """
        if len(text) > LONGEST_PATH:
            raise NoMatch(f"the name is longer than {LONGEST_PATH} characters")
        if (name := self.exact(text)) is not None:
            return name, MatchedBy.EXACT
        problems: list[NoMatch] = []
        for reading in _readings(text):
            try:
                return self._find_path(reading)
            except NoMatch as problem:
                problems.append(problem)
        raise problems[-1]

    def only(self, found: Sequence[str], file_name: str) -> str:
        """The one of these names. Raises NoMatch when there are none or several."""
        if not found:
            raise NoMatch(f"there is no image of this name in {self._where}")
        if len(found) > 1:
            raise NoMatch(f"several images have the file name {file_name}: {_some(found)}")
        return found[0]

    def __iter__(self) -> Iterator[str]:
        for names in self._names.values():
            yield from _listed(names)

    def _find_path(self, path: NamedPath) -> tuple[str, MatchedBy]:
        self._sort()
        for length in range(min(len(path.parts), self._deepest), 1, -1):
            if found := self._with_ending(path, length):
                name, by = self.only(found, path.file_name), MatchedBy.PATH_ENDING
                break
        else:
            name, by = self._with_file_name(path), MatchedBy.NAME_ALONE
        other = path_of(name)
        elsewhere = path.root and other.root and path.key != other.key
        if elsewhere or (path.query and other.query and path.query != other.query):
            raise _contradicts(name)
        return name, by

    def _with_ending(self, path: NamedPath, length: int) -> list[str]:
        """Names that are the last `length` parts of a path, or end with the whole of it."""
        key = _ending(path.parts[-length:])
        if length < len(path.parts):
            # A path that goes on in front of an address is another place.
            return self._beginning_with(key, until=key + (_ROOT if path.root else _AFTER_ROOT))
        if path.root and (same := self._beginning_with(path.key)):
            return same
        return self._beginning_with(key)

    def _with_file_name(self, path: NamedPath) -> str:
        found = self._beginning_with(_ending(path.parts[-1:])) if path.parts else []
        if len(path.parts) > 1 and len(found) > 1:
            raise NoMatch(f"images of this file name are in other places: {_some(found)}")
        name = self.only(found, path.file_name)
        if len(path.parts) > 1 and len(path_of(name).parts) > 1:
            raise _contradicts(name)
        return name

    def _beginning_with(self, key: str, until: str | None = None) -> list[str]:
        """The first few names whose key begins so, before `until` in their order."""
        keys = self._keys
        at = bisect_left(keys, key)
        found: list[str] = []
        while at < len(keys) and keys[at].startswith(key) and len(found) <= SHOWN:
            if until is not None and keys[at] >= until:
                break
            found.append(self._in_order[at])
            at += 1
        return found

    def _sort(self) -> None:
        """Put all keys in order, when the first name is not exact."""
        if self._keys:
            return
        pairs = []
        for name in self:
            path = path_of(name)
            pairs.append((path.key, name))
            self._deepest = max(self._deepest, len(path.parts))
        pairs.sort()
        self._in_order = [name for _, name in pairs]
        self._keys = [key for key, _ in pairs]


def _contradicts(name: str) -> NoMatch:
    return NoMatch(f"the image of this file name is in another place: {name}")


def _readings(text: str) -> Iterator[NamedPath]:
    yield path_of(text)
    # Tools write paths as parts of addresses too; a name may as well have a percent sign.
    if "%" in text and (decoded := unquote(text)) != text:
        yield path_of(decoded)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _add(index: dict[str, list[str] | str], key: str, name: str) -> None:
    """Most keys have one name: a list for each would cost as much as the name."""
    if key not in index:
        index[key] = name
    elif name not in (found := _listed(index[key])):
        index[key] = [*found, name]


def _listed(found: list[str] | str | None) -> list[str]:
    return [found] if isinstance(found, str) else found or []


class Claims:
    """Which names of one file stand for which image without being its own name.

    One image can not be two of the file's: where it is, neither is it for certain.
    """

    def __init__(self) -> None:
        self._claims: dict[str, tuple[str, str | None] | Literal["exact"]] = {}

    def add(self, image: str, text: str, by: MatchedBy) -> None:
        """Note that the file's name `text` stands for `image`."""
        earlier = self._claims.get(image)
        if by is MatchedBy.EXACT or earlier == "exact":
            self._claims[image] = "exact"
        elif earlier is None:
            self._claims[image] = (text, None)
        elif earlier[1] is None and path_of(earlier[0]) != path_of(text):
            self._claims[image] = (earlier[0], text)

    def check(self, image: str, by: MatchedBy) -> None:
        """Raises NoMatch when the file has another name for the image as well."""
        claim = self._claims.get(image)
        if by is MatchedBy.EXACT or claim is None:
            return
        if claim == "exact":
            raise NoMatch(f"{image} is in the file by its own name: this is another one")
        if claim[1] is not None:
            raise NoMatch(f"{claim[0]} and {claim[1]} of the file may both be {image}")
