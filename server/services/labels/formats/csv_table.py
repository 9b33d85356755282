"""A table for spreadsheets: one row for each image, annotator and category that was asked."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

from server.errors import BadInput
from server.schemas.label import MOST_POINTS
from server.services.labels.formats.label import (
    DECIMALS,
    Click,
    FileLabel,
    Found,
    Hear,
    Refused,
    in_few_digits,
    placed,
    unheard,
)
from trainer.contract import Places, PointLabel, TileTags, WeakLabel

COLUMNS = (
    "image", "width", "height", "annotator", "labelled_at", "category", "answer", "points", "tiles",
)  # fmt: skip
NEEDED = ("image", "category", "answer")
ANSWERS = ("present", "absent")
LONGEST_HEADER = 2**16
"""Characters of the first line."""
MOST_KEPT = 1000
"""Cells, such as names of categories, that are looked at once."""

# What makes a spreadsheet take a cell for a formula, full-width forms too, and blanks at an end,
# which people's tools add; apostrophes before it are kept apart from the one that we put there by
# always adding one more.
_GUARDED = re.compile(r"'*+([=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]|\s|.+\s\Z)", re.DOTALL)
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_UNNAMED = re.compile(r"(unnamed: \d+(\.\d+)*)?")
"""pandas' index, also as pandas itself names it, and what separators at the ends of lines make."""
_WHOLE = re.compile(r"(\d{1,9})([.,]0*)?")


def write(labels: Iterable[WeakLabel], _categories: Mapping[str, str]) -> Iterator[str]:
    """The table, with a header. A label that says nothing is a row without a category."""
    yield f"{','.join(COLUMNS)}\n"
    for label in labels:
        yield "".join(_lines(label))


def _lines(label: WeakLabel) -> Iterator[str]:
    tagged = label.tiles.present if label.tiles else {}
    clicks: dict[str, str] = {}
    for point in label.points:
        before = f"{clicks[point.category]}; " if point.category in clicks else ""
        clicks[point.category] = before + _pair(point, label)
    answers = dict.fromkeys((*label.present, *clicks, *tagged), "present")
    when = label.labelled_at.isoformat() if label.labelled_at else ""
    # All but what people have named is digits and known words, which need no care.
    of_image = f"{_cell(label.image)},{label.width},{label.height},{_cell(label.annotator)},{when}"
    said = (*answers.items(), *((name, "absent") for name in label.absent))
    for name, answer in said or (("", ""),):
        tiles = _tiles_cell(label.tiles, name) if label.tiles else ""
        yield f"{of_image},{_cell(name)},{answer},{clicks.get(name, '')},{tiles}\n"


def _tiles_cell(tiles: TileTags, name: str) -> str:
    indices = " ".join(map(str, tiles.present.get(name, ())))
    return f"{tiles.rows}x{tiles.cols}: {indices}".rstrip()


def _pair(clicked: PointLabel, label: WeakLabel) -> str:
    x, y = in_few_digits(clicked, label)
    return f"{_digits(x)} {_digits(y)}"


def _digits(value: float) -> str:
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


@lru_cache(MOST_KEPT)
def _cell(text: str) -> str:
    """A cell with what people have written: quoted where it must be, no formula to a spreadsheet."""
    if not text:
        return ""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_defused(text)])
    return buffer.getvalue().removesuffix("\n")


def _defused(text: str) -> str:
    return f"'{text}" if _GUARDED.match(text) else text


def _plain(cell: str) -> str:
    if cell.startswith("'") and _GUARDED.match(cell):
        return cell[1:]
    return cell.strip()


@dataclass
class _Rows:
    """What the rows of one image and annotator say together."""

    line: int
    size: tuple[int | None, int | None]
    answers: dict[str, str] = field(default_factory=dict)
    clicks: list[Click] = field(default_factory=list)
    grid: tuple[int, int] | None = None
    tiles: dict[str, tuple[int, ...]] = field(default_factory=dict)
    seen: set[tuple[str, ...]] = field(default_factory=set)
    problem: tuple[int, str] | None = None


def read(file: BinaryIO, ignored: Counter[str], _hear: Hear = unheard) -> Iterator[Found]:
    """The labels of a table whose rows may be in any order; separated by commas or semicolons.

    Columns without a name are passed over; one that holds something is counted as ignored.

    Raises BadInput for a header without the needed columns, or with unknown ones.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    labels: dict[tuple[str, str], _Rows] = {}
    try:
        for number, row in _cells(text, ignored):
            _add(labels, number, row)
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8 text") from error
    finally:
        text.detach()
    for (image, author), rows in labels.items():
        yield _label(image, author, rows)


def _cells(text: io.TextIOWrapper, ignored: Counter[str]) -> Iterator[tuple[int, dict[str, str]]]:
    before, first = 1, text.readline(LONGEST_HEADER)
    separator = max(",;\t", key=first.count)
    if told := _SEPARATOR.fullmatch(first):
        before, first, separator = 2, text.readline(LONGEST_HEADER), told[1]
    header = _header(first, separator, before)
    unnamed = [place for place, name in enumerate(header) if _UNNAMED.fullmatch(name)]
    reader = csv.reader(text, delimiter=separator)
    try:
        for row in reader:
            number = reader.line_num + before
            if any(cell.strip() for cell in row[len(header) :]):
                raise BadInput(f"line {number}: more cells than columns", line=number)
            if any(cell.strip() for cell in row):
                if any(row[place].strip() for place in unnamed if place < len(row)):
                    ignored["rows with a cell in a column without a name"] += 1
                yield number, dict(zip(header, map(_plain, row), strict=False))
    except csv.Error as error:
        number = reader.line_num + before
        raise BadInput(f"line {number}: not a table: {error}", line=number) from error


def _header(line: str, separator: str, number: int) -> list[str]:
    """The columns' names. Raises BadInput for a needed one that is missing, or an unknown one."""
    try:
        names = next(csv.reader([line], delimiter=separator), [])
    except csv.Error as error:
        raise BadInput(f"line {number}: not a table: {error}", line=number) from error
    header = [name.strip().lower() for name in names]
    if missing := [name for name in NEEDED if name not in header]:
        raise BadInput(f"line {number}: there is no column {missing[0]!r}", line=number)
    named = [name for name in header if not _UNNAMED.fullmatch(name)]
    if unknown := [name for name in named if name not in COLUMNS]:
        raise BadInput(
            f"line {number}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}",
            line=number,
        )
    if twice := [name for name, count in Counter(named).items() if count > 1]:
        raise BadInput(f"line {number}: the column {twice[0]!r} is there twice", line=number)
    return header


def _add(labels: dict[tuple[str, str], _Rows], number: int, row: Mapping[str, str]) -> None:
    key = (row.get("image", ""), row.get("annotator", ""))
    try:
        size = (_whole(row, "width"), _whole(row, "height"))
        rows = labels.setdefault(key, _Rows(number, size))
        _check_size(rows, size)
        _add_answer(rows, row)
    except ValueError as error:
        rows = labels.setdefault(key, _Rows(number, (None, None)))
        rows.problem = rows.problem or (number, str(error))


def _whole(row: Mapping[str, str], column: str) -> int | None:
    cell = row.get(column, "").strip()
    if not cell:
        return None
    whole = _WHOLE.fullmatch(cell)
    if whole is None:
        raise ValueError(f"{column}: {cell!r} is not a whole number")
    return int(whole[1])


def _check_size(rows: _Rows, size: tuple[int | None, int | None]) -> None:
    """Raises ValueError when an earlier row says something else."""
    for name, own, other in zip(("width", "height"), size, rows.size, strict=True):
        if None not in (own, other) and own != other:
            raise ValueError(f"{name}: {own}, on a row before {other}")
    rows.size = (rows.size[0] or size[0], rows.size[1] or size[1])


def _add_answer(rows: _Rows, row: Mapping[str, str]) -> None:
    category, answer = row.get("category", "").strip(), row.get("answer", "").strip().lower()
    if not category and not answer:
        return
    said = (category, answer, row.get("points", ""), row.get("tiles", "").strip())
    if said in rows.seen:
        return
    rows.seen.add(said)
    if answer not in ANSWERS:
        raise ValueError(f"answer: {answer!r} is neither present nor absent")
    if rows.answers.setdefault(category, answer) != answer:
        raise ValueError(f"{category!r} is both present and absent")
    points = row.get("points", "")
    if points and answer == "absent":
        raise ValueError(f"points of {category!r}, which is absent")
    rows.clicks += [_click(category, pair) for pair in points.split(";") if pair.strip()]
    if len(rows.clicks) > MOST_POINTS:
        raise ValueError(f"more than {MOST_POINTS} points")
    _add_tiles(rows, category, answer, row.get("tiles", "").strip())


def _click(category: str, pair: str) -> Click:
    """X and y, with decimal commas too."""
    try:
        x, y = (float(number.replace(",", ".")) for number in pair.split())
    except ValueError as error:
        raise ValueError(f"points: {pair.strip()!r} is not x and y in pixels") from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"points: {pair.strip()!r} is not x and y in pixels")
    return category, x, y


def _add_tiles(rows: _Rows, category: str, answer: str, cell: str) -> None:
    if not cell:
        return
    found = re.fullmatch(r"(\d{1,2})x(\d{1,2}):([\d ]*)", cell)
    if found is None:
        raise ValueError(f"tiles: {cell!r} is not of the form '2x2: 0 3'")
    grid = int(found[1]), int(found[2])
    if rows.grid not in (None, grid):
        raise ValueError("tiles: another grid than in the rows before")
    rows.grid = grid
    if answer == "present":
        rows.tiles[category] = tuple(int(index) for index in found[3].split())


def _label(image: str, author: str, rows: _Rows) -> Found:
    if rows.problem is not None:
        return Refused(image, rows.problem[1], rows.problem[0])
    try:
        tiles = rows.grid and TileTags(rows=rows.grid[0], cols=rows.grid[1], present=rows.tiles)
    except ValueError:
        return Refused(image, "tiles: a grid is of 1 to 16 rows and columns", rows.line)
    named = {
        answer: tuple(name for name, given in rows.answers.items() if given == answer)
        for answer in ANSWERS
    }
    points, outside = placed(rows.clicks, rows.size)
    return FileLabel(
        image=image,
        line=rows.line,
        width=rows.size[0],
        height=rows.size[1],
        present=named["present"],
        absent=named["absent"],
        places=Places(points=points, tiles=tiles),
        outside=outside,
        author=author,
    )
