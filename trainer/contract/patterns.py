"""Patterns of a dataset's files: `*` and `{name}` stand for any part of one file's or folder's name.

    images: leftImg8bit/{split}/{city}/{frame}_leftImg8bit.png
    masks: gtFine/{split}/{city}/{frame}_gtFine_labelIds.png

What `{name}` stands for in an image's path is filled in where it stands in the masks' pattern. A
name begins with a letter; `{0}` is no placeholder and stands for itself.
"""

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\{([a-z_]\w*)\}", re.ASCII | re.IGNORECASE)
_PARTS = re.compile(r"(\{\w+\}|\*\*/|\*|\?)")


def names_in(pattern: str) -> set[str]:
    """The names of a pattern's placeholders."""
    return set(PLACEHOLDER.findall(pattern))


def filled(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with the placeholders that have a value replaced by it."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), pattern)


def glob_of(pattern: str) -> str:
    """The glob that finds all paths of a pattern."""
    return PLACEHOLDER.sub("*", pattern)


def values_in(pattern: str, path: str) -> dict[str, str] | None:
    """What each placeholder stands for in a path; None when the path is not of the pattern.

    A placeholder that is there twice stands for the same text twice.
    """
    seen: set[str] = set()
    found = re.fullmatch("".join(_expression(part, seen) for part in _PARTS.split(pattern)), path)
    return found.groupdict() if found else None


def _expression(part: str, seen: set[str]) -> str:
    if name := PLACEHOLDER.fullmatch(part):
        again = name[1] in seen
        seen.add(name[1])
        return f"(?P={name[1]})" if again else f"(?P<{name[1]}>[^/]+)"
    return {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
