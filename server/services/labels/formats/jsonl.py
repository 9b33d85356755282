"""The product's own label file: one JSON object a line, nothing is lost."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from pydantic import BaseModel, Field, ValidationError

from server.errors import BadInput
from server.json_text import parse_json
from server.services.labels.formats.label import (
    Click,
    FileLabel,
    Found,
    Hear,
    Refused,
    first_problem,
    placed,
    unheard,
)
from trainer.contract import WeakLabel

MAX_LINE_BYTES = 2**20


class _Point(BaseModel):
    category: str
    x: float = Field(allow_inf_nan=False)
    y: float = Field(allow_inf_nan=False)


class _Points(BaseModel):
    """The part of a line that says where its points are."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    points: list[_Point]


def write(labels: Iterable[WeakLabel], _categories: Mapping[str, str]) -> Iterator[str]:
    """The labels, a line each, as a snapshot has them."""
    for label in labels:
        yield label.model_dump_json() + "\n"


def read(file: BinaryIO, _ignored: Counter[str], _hear: Hear = unheard) -> Iterator[Found]:
    """The labels of a file. Raises BadInput with the line for what is not a JSON object."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise BadInput(f"line {number}: longer than {MAX_LINE_BYTES} bytes", line=number)
        if text := line.strip():
            yield _label(number, _parse(number, text))


def _parse(number: int, text: bytes) -> dict[str, Any]:
    try:
        data = parse_json(text)
    except ValueError as error:
        raise BadInput(f"line {number}: not JSON: {error}", line=number) from error
    if not isinstance(data, dict):
        raise BadInput(f"line {number}: not a JSON object", line=number)
    return data


def _label(number: int, data: dict[str, Any]) -> Found:
    outside = _take_outside_points(data)
    try:
        label = WeakLabel.model_validate(data)
    except ValidationError as error:
        return Refused(str(data.get("image", "")), first_problem(error), number)
    return FileLabel(
        image=label.image,
        line=number,
        width=label.width,
        height=label.height,
        present=label.present,
        absent=label.absent,
        places=label.places,
        outside=outside,
        author=label.annotator,
    )


def _take_outside_points(data: dict[str, Any]) -> tuple[Click, ...]:
    """Take the points that are outside of the image out of a line, and give them.

    A line whose points are none at all stays as it is: the label says what is wrong.
    """
    try:
        line = _Points.model_validate(data)
    except ValidationError:
        return ()
    outside: list[Click] = []
    kept = []
    for point, given in zip(line.points, data["points"], strict=True):
        _, wrong = placed([(point.category, point.x, point.y)], (line.width, line.height))
        outside += wrong
        if not wrong:
            kept.append(given)
    data["points"] = kept
    return tuple(outside)
