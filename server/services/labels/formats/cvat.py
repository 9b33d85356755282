"""CVAT for images 1.1: XML with `<tag>` for the image and `<points>`."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from server.errors import BadInput
from server.services.labels.formats.label import (
    Click,
    FileLabel,
    Found,
    Hear,
    Refused,
    in_few_digits,
    merged,
    placed,
    rounded,
    unheard,
)
from trainer.contract import Places, WeakLabel

PIECE = 2**18
LONGEST_TOKEN = 2**20
"""Bytes of one tag with its attributes, or of one comment.

Expat before 2.6 reads an unfinished one again from its beginning with each piece: the time is the
square of its length.
"""
LONGEST_VALUE = 100
"""Characters of an attribute's text that are looked at: `true` or `false`."""
MOST_SHAPES = 5000
"""Tags and points of one image."""
MOST_KEPT = 1000
"""Names that are put in quotes, and tags that are written, once."""
MAX_DEPTH = 100
ATTRIBUTE = "present"
"""Checkbox of a tag: false makes it say that the category is absent."""

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(labels: Iterable[WeakLabel], categories: Mapping[str, str]) -> Iterator[str]:
    """The file, one `<image>` for each labelled image; annotators are merged."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    yield "  <meta>\n    <task>\n      <mode>annotation</mode>\n      <labels>\n"
    for name, color in categories.items():
        yield (
            f"        <label>\n          <name>{escape(_clean(name))}</name>\n"
            f"          <color>{color}</color>\n          <attributes>\n            <attribute>\n"
            f"              <name>{ATTRIBUTE}</name>\n              <mutable>False</mutable>\n"
            "              <input_type>checkbox</input_type>\n"
            "              <default_value>true</default_value>\n"
            "              <values>true\nfalse</values>\n"
            "            </attribute>\n          </attributes>\n        </label>\n"
        )
    yield "      </labels>\n    </task>\n  </meta>\n"
    for number, label in enumerate(merged(labels)):
        yield _image(number, label)
    yield "</annotations>\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)


@lru_cache(MOST_KEPT)
def _quoted(text: str) -> str:
    return quoteattr(_clean(text))


@lru_cache(MOST_KEPT)
def _tag(name: str, value: str) -> str:
    return (
        f'    <tag label={_quoted(name)} source="manual">\n'
        f'      <attribute name="{ATTRIBUTE}">{value}</attribute>\n    </tag>\n'
    )


def _image(number: int, label: WeakLabel) -> str:
    clicked: dict[str, list[str]] = {}
    for p in label.points:
        x, y = in_few_digits(p, label)
        clicked.setdefault(p.category, []).append(f"{x},{y}")
    return "".join(
        (
            f'  <image id="{number}" name={_quoted(label.image)} width="{label.width}" '
            f'height="{label.height}">\n',
            *(_tag(name, "true") for name in label.present),
            *(_tag(name, "false") for name in label.absent),
            *(
                f'    <points label={_quoted(name)} source="manual" occluded="0" '
                f'points="{";".join(pairs)}" z_order="0">\n    </points>\n'
                for name, pairs in clicked.items()
            ),
            "  </image>\n",
        )
    )


def read(file: BinaryIO, ignored: Counter[str], hear: Hear = unheard) -> Iterator[Found]:
    """The labels of a file, one of each image that has tags or points.

    An image without any may not have been looked at: it is counted as ignored, as other shapes
    are. Raises BadInput for what is not well-formed, not this format, or declares a document type.
    """
    reader = _Reader(ignored, hear)
    while piece := file.read(PIECE):
        reader.feed(piece)
        yield from reader.take()
    reader.feed(b"", last=True)
    yield from reader.take()


@dataclass
class _Shape:
    """A tag or points of an image."""

    kind: str
    label: str
    points: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class _Image:
    attributes: dict[str, str]
    line: int
    shapes: list[_Shape] = field(default_factory=list)


class _Reader:
    """Hears the elements of a file, and makes a label at the end of each image."""

    def __init__(self, ignored: Counter[str], hear: Hear) -> None:
        self._ignored = ignored
        self._hear_unlabelled = hear
        self._found: list[Found] = []
        self._path: list[str] = []
        self._image: _Image | None = None
        self._attribute: str | None = None
        self._text = ""
        self._fed = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._hear
        # Entities can be declared nowhere else: without them nothing expands and nothing is fetched.
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Read on. Raises BadInput."""
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            problem = f"line {error.lineno}: not XML: {expat.ErrorString(error.code)}"
            raise BadInput(problem, line=error.lineno) from error
        except (LookupError, ValueError) as error:
            raise BadInput(f"not XML: {error}") from error
        self._fed += len(piece)
        # The parser stands at the beginning of what it has not read to the end.
        if not last and self._fed - self._parser.CurrentByteIndex > LONGEST_TOKEN:
            raise BadInput(
                f"line {self._line}: a tag or comment of more than {LONGEST_TOKEN} bytes",
                line=self._line,
            )

    def take(self) -> list[Found]:
        """The labels found since the last call."""
        found, self._found = self._found, []
        return found

    def _refuse_doctype(self, *_declaration: object) -> NoReturn:
        raise BadInput(f"line {self._line}: a document type is not allowed", line=self._line)

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        depth = len(self._path)
        if depth == 1 and name != "annotations":
            raise BadInput(f"not CVAT for images: it begins with <{name}>")
        if depth > MAX_DEPTH:
            raise BadInput(f"line {self._line}: elements inside of {MAX_DEPTH} others")
        if depth == 2 and name == "track":
            raise BadInput("this is CVAT for video: export the task as CVAT for images 1.1")
        if self._path[:2] == ["annotations", "image"]:
            self._start_in_image(name, attributes, depth)

    def _start_in_image(self, name: str, attributes: dict[str, str], depth: int) -> None:
        if depth == 2:
            self._image = _Image(attributes, self._line)
        elif self._image is None:
            return
        elif depth == 3 and name in ("tag", "points"):
            label, points = attributes.get("label", ""), attributes.get("points", "")
            if len(self._image.shapes) <= MOST_SHAPES:
                self._image.shapes.append(_Shape(name, label, points))
        elif depth == 3:
            self._ignored[name] += 1
        elif depth == 4 and self._path[2] == "tag" and name == "attribute":
            self._attribute, self._text = attributes.get("name", ""), ""

    def _hear(self, text: str) -> None:
        if self._attribute == ATTRIBUTE and len(self._text) < LONGEST_VALUE:
            self._text += text[:LONGEST_VALUE]

    def _end(self, _name: str) -> None:
        self._path.pop()
        if self._image is None:
            return
        if self._attribute is not None and len(self._path) == 3:
            self._image.shapes[-1].attributes[self._attribute] = self._text.strip().lower()
            self._attribute = None
        if len(self._path) == 1:
            self._finish(self._image)
            self._image = None

    def _finish(self, image: _Image) -> None:
        if not image.shapes:
            self._ignored["images without tags and points"] += 1
            self._hear_unlabelled(FileLabel(image=image.attributes.get("name", "")))
            return
        try:
            self._found.append(_label(image))
        except ValueError as error:
            self._found.append(Refused(image.attributes.get("name", ""), str(error), image.line))


def _label(image: _Image) -> FileLabel:
    if len(image.shapes) > MOST_SHAPES:
        raise ValueError(f"more than {MOST_SHAPES} tags and points")
    size = _whole(image, "width"), _whole(image, "height")
    tags = [shape for shape in image.shapes if shape.kind == "tag"]
    absent = [tag.label for tag in tags if tag.attributes.get(ATTRIBUTE) == "false"]
    present = [tag.label for tag in tags if tag.attributes.get(ATTRIBUTE) != "false"]
    clicked = [shape for shape in image.shapes if shape.kind == "points"]
    points, outside = placed((click for shape in clicked for click in _clicks(shape)), size)
    return FileLabel(
        image=image.attributes.get("name", ""),
        line=image.line,
        width=size[0],
        height=size[1],
        present=tuple(dict.fromkeys(present)),
        absent=tuple(dict.fromkeys(absent)),
        places=Places(points=points),
        outside=outside,
    )


def _whole(image: _Image, name: str) -> int:
    text = image.attributes.get(name, "")
    if not (text.isdecimal() and 0 < len(text) < 10):
        raise ValueError(f"{name}: {text!r} is not a number of pixels")
    return int(text)


def _clicks(shape: _Shape) -> Iterator[Click]:
    for pair in shape.points.split(";"):
        try:
            x, y = map(float, pair.split(","))
        except ValueError as error:
            raise ValueError(f"points: {pair!r} is not x,y") from error
        yield rounded(shape.label, x, y)
