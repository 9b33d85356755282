"""What all formats have in common: a label as a file gives it, or why there is none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from server.errors import first_complaint
from trainer.contract import PointLabel, TileTags, WeakLabel

Model = TypeVar("Model", bound=BaseModel)

DECIMALS = 3
"""Of a pixel: what percentages and text are rounded to, so that a round trip changes nothing."""
STEP = 0.001


@dataclass(frozen=True, slots=True)
class FileLabel:
    """What one author says of one image in a file. A category in neither list was not asked."""

    image: str
    line: int | None = None
    width: int | None = None
    """Size of the image, where the file gives it."""
    height: int | None = None
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    points: tuple[PointLabel, ...] = ()
    tiles: TileTags | None = None
    skipped: bool = False
    author: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of a file that does not become a label, and why."""

    name: str
    reason: str
    line: int | None = None


Found = FileLabel | Refused


def point(category: str, x: float, y: float, size: tuple[int, int]) -> PointLabel:
    """A point in pixels of an image of (width, height); one on the far edge is in the last pixel.

    Raises ValueError when it is outside of the image.
    """
    inside = [_inside(value, limit) for value, limit in zip((x, y), size, strict=True)]
    return PointLabel(category=category, x=inside[0], y=inside[1])


def _inside(value: float, limit: int) -> float:
    if not 0 <= value <= limit:
        raise ValueError(f"a point at {value:g} is outside of 0 to {limit}")
    return min(round(value, DECIMALS), limit - STEP)


def parsed(kind: type[Model], data: object) -> Model:
    """`data` as a model. Raises ValueError with one line that names the field."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    field, message = first_complaint(error)
    return f"{field}: {message}" if field else message


def by_image(labels: Iterable[WeakLabel]) -> Iterator[tuple[str, list[WeakLabel]]]:
    """Labels that come image after image, grouped."""
    for image, group in groupby(labels, key=lambda label: label.image):
        yield image, list(group)


def merged(labels: Iterable[WeakLabel]) -> Iterator[WeakLabel]:
    """One label an image, for formats without annotators.

    It says what at least one annotator said and nobody denied: a category that some call present
    and others absent is in neither list, and its points are left out.
    """
    for _, group in by_image(labels):
        present = {name: None for label in group for name in _named(label)}
        absent = {name: None for label in group for name in label.absent}
        yield group[0].model_copy(
            update={
                "present": tuple(name for name in present if name not in absent),
                "absent": tuple(name for name in absent if name not in present),
                "points": tuple(
                    point
                    for label in group
                    for point in label.points
                    if point.category not in absent
                ),
            }
        )


def _named(label: WeakLabel) -> Iterator[str]:
    yield from label.present
    yield from (point.category for point in label.points)
