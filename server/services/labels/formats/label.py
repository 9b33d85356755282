"""What all formats have in common: a label as a file gives it, or why there is none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from server.errors import first_complaint
from server.schemas.label import MOST_POINTS
from trainer.contract import Places, PointLabel, WeakLabel
from trainer.contract.places import EDGE, inside

Model = TypeVar("Model", bound=BaseModel)

DECIMALS = 3
"""Of a pixel: what percentages and text are rounded to, so that a round trip changes nothing."""
MAX_SIZE = 10**9
"""Pixels of a side that nobody knows."""


Click = tuple[str, float, float]
"""Category, x and y in pixels."""
Size = tuple[int | None, int | None]
"""Width and height, where they are known."""


@dataclass(frozen=True, slots=True)
class FileLabel:
    """What one author says of one image in a file. A category in neither list was not asked."""

    image: str
    """Its name or address, out of the forms in which the file's tool writes them."""
    raw: str = ""
    """What the file says, where that is not `image` itself."""
    uploaded: bool = False
    """`image` is a file's name as the tool that it was uploaded to has changed it."""
    line: int | None = None
    width: int | None = None
    """Size of the image, where the file gives it."""
    height: int | None = None
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    places: Places = field(default_factory=Places)
    outside: tuple[Click, ...] = ()
    """Points that are not in the image; the rest of the label stands."""
    skipped: bool = False
    author: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of a file that does not become a label, and why."""

    name: str
    reason: str
    line: int | None = None


Found = FileLabel | Refused
Hear = Callable[[FileLabel], object]
"""Is told, of each image that a file names without labels, the empty label."""


def unheard(_label: FileLabel) -> None:
    """Of names without labels nothing is wanted."""


def placed(clicks: Iterable[Click], size: Size) -> tuple[tuple[PointLabel, ...], tuple[Click, ...]]:
    """Clicks that are in an image or a hair outside, and those that are not in it.

    What is a hair outside is moved in; a hair is half a pixel. Raises ValueError for more than
    MOST_POINTS.
    """
    width, height = (limit or MAX_SIZE for limit in size)
    points: list[PointLabel] = []
    outside: list[Click] = []
    for number, (category, x, y) in enumerate(clicks, 1):
        if number > MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS} points")
        across, down = inside(x, width), inside(y, height)
        if across is None or down is None:
            outside.append((category, x, y))
        else:
            points.append(PointLabel(category=category, x=across, y=down))
    return tuple(points), tuple(outside)


def rounded(category: str, x: float, y: float) -> Click:
    """A click as formats have it that have few digits."""
    return category, round(x, DECIMALS), round(y, DECIMALS)


def in_few_digits(point: PointLabel, label: WeakLabel) -> tuple[float, float]:
    """Both coordinates of a label's point for such a format: inside of the image still."""
    x, y = round(point.x, DECIMALS), round(point.y, DECIMALS)
    return min(x, label.width - EDGE), min(y, label.height - EDGE)


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
        first, *others = group
        if not others and all(point.category in first.present for point in first.points):
            yield first
            continue
        present = {name: None for label in group for name in _named(label)}
        absent = {name: None for label in group for name in label.absent}
        yield first.model_copy(
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
