"""Names of images and categories: which are refused, and when two of them are one.

A name is kept as it was given and compared by `comparable`: é as one character (as Linux and
Windows write it) and as e with an accent (as macOS does) are the same name. Only what does harm is
refused, with the reason; nothing is taken out of a name without a word.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_NAME = 500
"""Characters of the longest name of an image."""
LONGEST_PATH = 4096
"""Characters of the longest path of a folder."""

# Controls but U+0085, which as U+2028 and U+2029 is white space where some programs end a line.
_CONTROL = r"\x00-\x1f\x7f-\x84\x86-\x9f"
_NOT_UTF8 = r"\ud800-\udfff"
# They show a name in another order than it has, so that it reads as another name.
_OVERRIDE = r"\u202d\u202e"
_HARMFUL = re.compile(
    f"(?P<control>[{_CONTROL}])|(?P<bytes>[{_NOT_UTF8}])|(?P<override>[{_OVERRIDE}])"
)
_HARM = {
    "control": "the name has a control character ({})",
    "bytes": "the name is not valid UTF-8",
    "override": "the name has a character that turns the direction of writing ({})",
}
LIKE = 0.88
"""So alike are two long names of which one is a slip of the other."""
LONG = 5
"""Letters and digits that both of them have at least."""

# Ends of lines; embeddings and isolates, which turn the direction of what follows them; annotations;
# and code points that are no characters.
_UNSAFE = re.compile(
    r"(?P<line>[\u0085\u2028\u2029])"
    r"|(?P<direction>[\u202a-\u202c\u2066-\u2069])"
    r"|(?P<none>[\ufff9-\ufffb\ufdd0-\ufdef]|["
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "])"
)
_UNSAFE_BY = {
    "line": "the name has a character that ends a line ({})",
    "direction": "the name has a character that turns the direction of writing ({})",
    "none": "the name has a code point that is no character ({})",
}

_UNFIT_FOR_A_LINE = re.compile(rf"[{_CONTROL}{_NOT_UTF8}{_OVERRIDE}\u0085\u2028\u2029]")


def comparable(name: str) -> str:
    """What two spellings of one name have in common (Unicode's NFC); never what to show or keep.

    What is too long to be a name or a path is given back as it is: composing takes time by the
    square of how many accents follow each other.
    """
    return name if len(name) > LONGEST_PATH else unicodedata.normalize("NFC", name)


def why_refused(name: str, longest: int = MAX_NAME) -> str | None:
    """Why nothing may have this name, as the end of a sentence about it; None when it may.

    Args:
        name: as it was given.
        longest: characters that there may be.
    """
    if not name.strip():
        return "the name is empty"
    # Composing can lengthen a name too: a few letters are always written as two or three.
    if max(len(name), len(comparable(name))) > longest:
        return f"the name is longer than {longest} characters"
    harm = _HARMFUL.search(name)
    return harm and _HARM[harm.lastgroup or ""].format(shown(harm[0]))


def why_unsafe(name: str, longest: int = MAX_NAME) -> str | None:
    """Why nobody may give this name; None when one may.

    Besides what `why_refused` refuses, characters that make a name read as another, or as two lines.
    Files may have them, and what earlier versions took is kept.

    Args:
        name: as it was given.
        longest: characters that there may be.
    """
    if reason := why_refused(name, longest):
        return reason
    unsafe = _UNSAFE.search(name)
    return unsafe and _UNSAFE_BY[unsafe.lastgroup or ""].format(f"U+{ord(unsafe[0]):04X}")


def why_no_path(path: str) -> str | None:
    """Why this is not the name of a file below some folder; None when it is. Opens nothing.

    Args:
        path: with forward slashes.
    """
    if path.startswith("/"):
        return "the path is absolute"
    if ".." in path.split("/"):
        return "the path leads out of its folder (..)"
    return why_refused(path)


def shown(name: str) -> str:
    r"""The name on one line of text that every terminal and file can take.

    What `why_refused` speaks of, and ends of lines, are written as escapes; a byte that is not
    UTF-8 as `\xe9`. A name without any of them stays as it is.
    """
    return _UNFIT_FOR_A_LINE.sub(lambda found: _escaped(ord(found[0])), name)


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file's name that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def same_twice(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that are one by `comparable`, as they were given; None: all differ."""
    seen: dict[str, str] = {}
    for name in names:
        key = comparable(name)
        if key in seen:
            return seen[key], name
        seen[key] = name
    return None


def why_no_dataset(images: Sequence[str]) -> str | None:
    """Why these cannot be the names of a dataset's images; None when they can."""
    for name in images:
        if reason := why_refused(name):
            return f"image {shown(name)}: {reason}"
    if (pair := same_twice(images)) is None:
        return None
    if pair[0] == pair[1]:
        return f"image {pair[0]!r} is there twice"
    return f"images {pair[0]!a} and {pair[1]!a} have one name, with its accents in two forms"


def nearly_named(names: Sequence[str], categories: Sequence[str]) -> tuple[str, str] | None:
    """A name that is no category, and the category that was probably meant; None without any.

    A category that is itself among the names is not meant by another one.
    """
    open_ = [category for category in categories if category not in names]
    pairs = ((name, category) for name in names if name not in categories for category in open_)
    return next((pair for pair in pairs if _are_near(*pair)), None)


def _are_near(one: str, other: str) -> bool:
    one, other = _plain(one), _plain(other)
    if re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return False
    one, other = one.removesuffix("s"), other.removesuffix("s")
    if one == other:
        return True
    long = min(len(one), len(other)) >= LONG
    return long and difflib.SequenceMatcher(None, one, other).ratio() >= LIKE


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "", folded)
