"""Label Studio's JSON: tasks with `Choices` for the image and `KeyPointLabels`."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, Field

from server.errors import BadInput
from server.services.label_formats.json_stream import members
from server.services.label_formats.label import (
    FileLabel,
    Found,
    Refused,
    by_image,
    parsed,
    point,
)
from trainer.contract import PointLabel, WeakLabel

PRESENT, ABSENT, POINTS = "present", "absent", "points"
"""Names of the three controls in the labelling configuration (`from_name`)."""
OBJECT = "image"

_UPLOADED = re.compile(r"/data/upload/\d+/(?:[0-9a-f]{8}-)?")
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


class _Result(BaseModel):
    """One region, or one choice for the whole image."""

    type: str = ""
    from_name: str = ""
    original_width: int | None = Field(default=None, ge=1)
    original_height: int | None = Field(default=None, ge=1)
    image_rotation: float = 0
    value: dict[str, Any] = {}


class _Choices(BaseModel):
    choices: list[str]


class _KeyPoint(BaseModel):
    """In percent of the image."""

    x: float
    y: float
    keypointlabels: list[str]


class _Annotation(BaseModel):
    completed_by: int | dict[str, Any] | None = None
    created_username: str = ""
    updated_at: str | None = None
    created_at: str | None = None
    was_cancelled: bool = False
    result: list[_Result] = []


class _Task(BaseModel):
    data: dict[str, Any]
    annotations: list[_Annotation]
    predictions: list[Any] = []


def write(labels: Iterable[WeakLabel], _categories: Mapping[str, str]) -> Iterator[str]:
    """One task an image with an annotation of each annotator; `data.image` is the external id."""
    separator = "[\n"
    for image, group in by_image(labels):
        task = {"data": {OBJECT: image}, "annotations": [_annotation(label) for label in group]}
        yield separator + json.dumps(task, ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n" if separator == ",\n" else "[]\n"


def _annotation(label: WeakLabel) -> dict[str, Any]:
    """Without `completed_by`: Label Studio refuses a person that it does not know."""
    when = label.labelled_at.isoformat() if label.labelled_at else None
    choices = ((PRESENT, label.present), (ABSENT, label.absent))
    result = [
        {"id": name, "from_name": name, "to_name": OBJECT, "type": "choices", "origin": "manual",
         "value": {"choices": list(names)}}
        for name, names in choices if names
    ]  # fmt: skip
    result += [_region(label, number) for number in range(len(label.points))]
    return {
        "created_username": label.annotator, "created_at": when, "updated_at": when,
        "lead_time": label.active_ms / 1000, "was_cancelled": False, "ground_truth": False,
        "result": result,
    }  # fmt: skip


def _region(label: WeakLabel, number: int) -> dict[str, Any]:
    clicked = label.points[number]
    value = {
        "x": 100 * clicked.x / label.width, "y": 100 * clicked.y / label.height,
        "width": 0.5, "keypointlabels": [clicked.category],
    }  # fmt: skip
    return {
        "id": f"point-{number}", "from_name": POINTS, "to_name": OBJECT, "type": "keypointlabels",
        "origin": "manual", "original_width": label.width, "original_height": label.height,
        "image_rotation": 0, "value": value,
    }  # fmt: skip


def read(file: BinaryIO, ignored: Counter[str]) -> Iterator[Found]:
    """The annotations of an export, the newest of each task first.

    Choices of a control named `absent` say so; all others say present. Predictions, regions that
    are not points, and points on a rotated image are counted as ignored.
    """
    for number, (key, task) in enumerate(members(file), 1):
        if key is not None:
            raise BadInput("not a Label Studio export: that is an array of tasks")
        yield from _labels(task, number, ignored)


def _labels(data: object, number: int, ignored: Counter[str]) -> Iterator[Found]:
    try:
        task = parsed(_Task, data)
    except ValueError as error:
        yield Refused(f"task {number}", str(error))
        return
    name = _image_name(task.data)
    if name is None:
        yield Refused(f"task {number}", "its data names no image")
        return
    ignored["predictions"] += len(task.predictions)
    newest_first = sorted(
        task.annotations, key=lambda a: a.updated_at or a.created_at or "", reverse=True
    )
    for annotation in newest_first:
        try:
            yield _label(name, annotation, ignored)
        except ValueError as error:
            yield Refused(name, f"task {number}: {error}")


def _image_name(data: Mapping[str, Any]) -> str | None:
    texts = [value for value in data.values() if isinstance(value, str)]
    if isinstance(data.get(OBJECT), str):
        texts.insert(0, data[OBJECT])
    names = [_path_of(text) for text in texts]
    pictures = [name for name in names if PurePosixPath(name).suffix.lower() in _PICTURES]
    return next(iter(pictures or names), None)


def _path_of(address: str) -> str:
    """The image's path, out of the forms in which Label Studio names files."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if parts.path.endswith("/data/local-files/"):
        return parse_qs(parts.query).get("d", [address])[0]
    if _UPLOADED.match(parts.path):
        return unquote(_UPLOADED.sub("", parts.path))
    if parts.scheme in ("http", "https"):
        return unquote(parts.path).lstrip("/")
    return parts.path.lstrip("/") if parts.netloc else address


def _label(name: str, annotation: _Annotation, ignored: Counter[str]) -> FileLabel:
    author = annotation.created_username
    if isinstance(annotation.completed_by, dict):
        author = str(annotation.completed_by.get("email", author))
    if annotation.was_cancelled:
        return FileLabel(image=name, skipped=True, author=author)
    names: dict[str, dict[str, None]] = {PRESENT: {}, ABSENT: {}}
    points: list[PointLabel] = []
    size: tuple[int | None, int | None] = (None, None)
    for result in annotation.result:
        if result.type == "choices" and "x" not in result.value:
            answer = ABSENT if result.from_name == ABSENT else PRESENT
            names[answer] |= dict.fromkeys(parsed(_Choices, result.value).choices)
        elif result.type == "keypointlabels" and not result.image_rotation % 360:
            points += _points(result)
            size = result.original_width, result.original_height
        else:
            ignored[f"{'rotated ' if result.image_rotation else ''}{result.type or 'untyped'}"] += 1
    return FileLabel(
        image=name, width=size[0], height=size[1], present=tuple(names[PRESENT]),
        absent=tuple(names[ABSENT]), points=tuple(points), author=author,
    )  # fmt: skip


def _points(result: _Result) -> Iterator[PointLabel]:
    if result.original_width is None or result.original_height is None:
        raise ValueError("a point without original_width and original_height")
    size = result.original_width, result.original_height
    region = parsed(_KeyPoint, result.value)
    for category in region.keypointlabels:
        yield point(category, region.x / 100 * size[0], region.y / 100 * size[1], size)
