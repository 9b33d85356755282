"""Large JSON documents in little memory: one member after the other."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from server.errors import BadInput
from server.json_text import refuse_half_pairs

PIECE = 2**20
MAX_MEMBER = 2**25
"""Characters of one element: more is refused before it is read."""

_SPACE = re.compile(r"[ \t\n\r]*")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def members(file: BinaryIO) -> Iterator[tuple[str | None, Any]]:
    """The parts of a JSON document: (None, element) of an array; of an object (key, value).

    A value of the object that is an array comes element by element, each with the same key.
    Raises BadInput for what is neither, is not UTF-8, or is not JSON.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig")
    try:
        yield from _Scanner(text).members()
    finally:
        text.detach()


class _Scanner:
    """Where we are in a document of which a window is in memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._window = ""
        self._at = 0

    def members(self) -> Iterator[tuple[str | None, Any]]:
        if self._take("[{") == "[":
            for element in self._elements():
                yield None, element
        else:
            yield from self._items()
        if after := self._peek():
            raise BadInput(f"not JSON: {after!r} after the end of the document")

    def _elements(self) -> Iterator[Any]:
        """The values of an array whose bracket was taken."""
        if self._peek() == "]":
            self._take("]")
            return
        yield self._value()
        while self._take(",]") == ",":
            yield self._value()

    def _items(self) -> Iterator[tuple[str, Any]]:
        """The values of an object whose brace was taken."""
        if self._peek() == "}":
            self._take("}")
            return
        yield from self._item()
        while self._take(",}") == ",":
            yield from self._item()

    def _item(self) -> Iterator[tuple[str, Any]]:
        key = self._value()
        if not isinstance(key, str):
            raise BadInput(f"not JSON: {key!r} where a name should be")
        self._take(":")
        if self._peek() == "[":
            self._take("[")
            for element in self._elements():
                yield key, element
        else:
            yield key, self._value()

    def _value(self) -> Any:
        if not self._peek():
            raise BadInput("not JSON: it ends too early")
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._at)
                refuse_half_pairs(value, self._window[self._at : end])
                problem = "it ends too early"
            except (ValueError, RecursionError) as error:
                value, end, problem = None, None, _short(error)
            # A number at the end of the window may go on behind it.
            if end is not None and end < len(self._window):
                self._at = end
                return value
            if len(self._window) - self._at > MAX_MEMBER:
                raise BadInput(
                    f"not JSON, or one element of more than {MAX_MEMBER} characters: {problem}"
                )
            if not self._read_on():
                raise BadInput(f"not JSON: {problem}")

    def _peek(self) -> str:
        """The next character that is not space; empty at the end."""
        while True:
            found = _SPACE.match(self._window, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._read_on():
                return ""

    def _take(self, wanted: str) -> str:
        found = self._peek()
        if not found or found not in wanted:
            shown = repr(found) if found else "the end"
            raise BadInput(f"not JSON as expected: {shown} where {' or '.join(wanted)} should be")
        self._at += 1
        return found

    def _read_on(self) -> bool:
        """Widen the window, twofold when it is large, so that a long element is read in few steps."""
        rest = self._window[self._at :]
        try:
            piece = self._text.read(max(PIECE, len(rest)))
        except UnicodeDecodeError as error:
            raise BadInput("not UTF-8 text") from error
        self._window, self._at = rest + piece, 0
        return bool(piece)


def _short(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
