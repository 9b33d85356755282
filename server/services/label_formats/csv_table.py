"""A table for spreadsheets: one row for each image, annotator and category that was asked."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from server.errors import BadInput
from server.services.label_formats.label import DECIMALS, FileLabel, Found, Refused, point
from trainer.contract import PointLabel, TileTags, WeakLabel

COLUMNS = (
    "image", "width", "height", "annotator", "labelled_at", "category", "answer", "points", "tiles",
)  # fmt: skip
NEEDED = ("image", "category", "answer")
ANSWERS = ("present", "absent")

# What makes a spreadsheet take a cell for a formula, full-width forms too; apostrophes before it
# are kept apart from the one that we put there by always adding one more.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def write(labels: Iterable[WeakLabel], _categories: Mapping[str, str]) -> Iterator[str]:
    """The table, with a header. A label that says nothing is a row without a category."""
    yield _line(COLUMNS)
    for label in labels:
        yield from _rows(label)


def _rows(label: WeakLabel) -> Iterator[str]:
    tagged = label.tiles.present if label.tiles else {}
    present = dict.fromkeys((*label.present, *(p.category for p in label.points), *tagged))
    answers = [
        *((name, "present") for name in present),
        *((name, "absent") for name in label.absent),
    ]
    when = label.labelled_at.isoformat() if label.labelled_at else ""
    for name, answer in answers or [("", "")]:
        points = "; ".join(_pair(p, label) for p in label.points if p.category == name)
        yield _line(
            (label.image, str(label.width), str(label.height), label.annotator, when, name, answer,
             points, _tiles_cell(label.tiles, name))
        )  # fmt: skip


def _tiles_cell(tiles: TileTags | None, name: str) -> str:
    if tiles is None:
        return ""
    indices = " ".join(map(str, tiles.present.get(name, ())))
    return f"{tiles.rows}x{tiles.cols}: {indices}".rstrip()


def _pair(clicked: PointLabel, label: WeakLabel) -> str:
    inside = point(clicked.category, clicked.x, clicked.y, (label.width, label.height))
    return " ".join(f"{v:.{DECIMALS}f}".rstrip("0").rstrip(".") for v in (inside.x, inside.y))


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(_defused(cell) for cell in cells)
    return buffer.getvalue()


def _defused(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


@dataclass
class _Rows:
    """What the rows of one image and annotator say together."""

    line: int
    size: tuple[int | None, int | None]
    answers: dict[str, str] = field(default_factory=dict)
    points: list[PointLabel] = field(default_factory=list)
    grid: tuple[int, int] | None = None
    tiles: dict[str, tuple[int, ...]] = field(default_factory=dict)
    problem: tuple[int, str] | None = None


def read(file: BinaryIO, _ignored: Counter[str]) -> Iterator[Found]:
    """The labels of a table whose rows may be in any order; separated by commas or semicolons.

    Raises BadInput for a header without the needed columns, or with unknown ones.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    labels: dict[tuple[str, str], _Rows] = {}
    try:
        for number, row in _cells(text):
            _add(labels, number, row)
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8 text") from error
    finally:
        text.detach()
    for (image, author), rows in labels.items():
        yield _label(image, author, rows)


def _cells(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, str]]]:
    first = text.readline()
    separator = max(",;\t", key=first.count)
    header = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
    if missing := [name for name in NEEDED if name not in header]:
        raise BadInput(f"line 1: there is no column {missing[0]!r}", line=1)
    if unknown := [name for name in header if name not in COLUMNS]:
        raise BadInput(f"line 1: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}",
                       line=1)  # fmt: skip
    reader = csv.reader(text, delimiter=separator)
    try:
        for row in reader:
            number = reader.line_num + 1
            if len(row) > len(header):
                raise BadInput(f"line {number}: more cells than columns", line=number)
            if any(row):
                yield number, dict(zip(header, map(_plain, row), strict=False))
    except csv.Error as error:
        number = reader.line_num + 1
        raise BadInput(f"line {number}: not a table: {error}", line=number) from error


def _add(labels: dict[tuple[str, str], _Rows], number: int, row: Mapping[str, str]) -> None:
    key = (row.get("image", ""), row.get("annotator", ""))
    try:
        size = (_whole(row, "width"), _whole(row, "height"))
        rows = labels.setdefault(key, _Rows(number, size))
        _add_answer(rows, row)
    except ValueError as error:
        rows = labels.setdefault(key, _Rows(number, (None, None)))
        rows.problem = rows.problem or (number, str(error))


def _whole(row: Mapping[str, str], column: str) -> int | None:
    cell = row.get(column, "").strip()
    if not cell:
        return None
    if not (cell.isdecimal() and len(cell) < 10):
        raise ValueError(f"{column}: {cell!r} is not a whole number")
    return int(cell)


def _add_answer(rows: _Rows, row: Mapping[str, str]) -> None:
    category, answer = row.get("category", "").strip(), row.get("answer", "").strip().lower()
    if not category and not answer:
        return
    if answer not in ANSWERS:
        raise ValueError(f"answer: {answer!r} is neither present nor absent")
    if rows.answers.setdefault(category, answer) != answer:
        raise ValueError(f"{category!r} is both present and absent")
    points = row.get("points", "")
    if points and answer == "absent":
        raise ValueError(f"points of {category!r}, which is absent")
    rows.points += [_point(category, pair) for pair in points.split(";") if pair.strip()]
    _add_tiles(rows, category, answer, row.get("tiles", "").strip())


def _point(category: str, pair: str) -> PointLabel:
    try:
        x, y = map(float, pair.split())
        return PointLabel(category=category, x=x, y=y)
    except ValueError as error:
        raise ValueError(f"points: {pair.strip()!r} is not x and y in pixels") from error


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
    return FileLabel(
        image=image,
        line=rows.line,
        width=rows.size[0],
        height=rows.size[1],
        present=named["present"],
        absent=named["absent"],
        points=tuple(rows.points),
        tiles=tiles or None,
        author=author,
    )
