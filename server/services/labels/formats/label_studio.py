"""Label Studio's JSON: tasks with `Choices` for the image and `KeyPointLabels`."""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, Field

from server.errors import BadInput
from server.services.labels.formats.json_stream import members
from server.services.labels.formats.label import (
    Click,
    FileLabel,
    Found,
    Hear,
    Refused,
    Size,
    by_image,
    parsed,
    placed,
    rounded,
    unheard,
)
from trainer.contract import Places, WeakLabel
from trainer.contract.image_names import path_of
from trainer.contract.names import LONGEST_PATH

PRESENT, ABSENT, POINTS = "present", "absent", "points"
"""Names of the three controls in the labelling configuration (`from_name`)."""
OBJECT = "image"

# It may be hosted below a path of its host.
_UPLOADED = re.compile(r"(?:.*)/data/upload/\d+/(?:[0-9a-f]{8}-)?(?P<file>[^/]+)")
_LOCAL = re.compile(r".*/data/local-files/?\?(?:.*&)?d=(?P<path>.+)", re.DOTALL)
_STORED = re.compile(r".*/(?:tasks|projects)/\d+/(?:resolve|presign)/?")
_NOT_KEPT = r"[^-\w.]"
"""What an upload takes out of a file's name, or puts an underscore for."""
_MINIMAL = frozenset({"annotation_id", "annotator", "lead_time"})
"""What each task of JSON-MIN has beside its data, of which JSON has none there."""
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


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


def renamed(file_name: str) -> frozenset[str]:
    """What a file of this name may be called after it was uploaded, without the mark before it."""
    return frozenset(
        (
            file_name,
            re.sub(_NOT_KEPT, "", file_name.strip().replace(" ", "_")),
            re.sub(_NOT_KEPT, "_", file_name),
            re.sub(f"{_NOT_KEPT}+", "_", file_name),
        )
    )


def read(file: BinaryIO, ignored: Counter[str], hear: Hear = unheard) -> Iterator[Found]:
    """The annotations of an export, the newest of each task first.

    Choices of a control named `absent` say so; all others say present. Predictions, regions that
    are not points, and points on a rotated image are counted as ignored.
    """
    for number, (key, task) in enumerate(members(file), 1):
        if key is not None:
            raise BadInput("not a Label Studio export: that is an array of tasks")
        if isinstance(task, dict) and "data" not in task and _MINIMAL & task.keys():
            raise BadInput("this is Label Studio's JSON-MIN: take its export as JSON")
        yield from _labels(task, number, ignored, hear)


def _labels(data: object, number: int, ignored: Counter[str], hear: Hear) -> Iterator[Found]:
    try:
        task = parsed(_Task, data)
    except ValueError as error:
        yield Refused(f"task {number}", str(error))
        return
    image = _image(task.data)
    if image is None:
        yield Refused(f"task {number}", "its data names no image")
        return
    if not task.annotations:
        hear(image)
    ignored["predictions"] += len(task.predictions)
    newest_first = sorted(
        task.annotations, key=lambda a: a.updated_at or a.created_at or "", reverse=True
    )
    for annotation in newest_first:
        try:
            yield _label(image, annotation, ignored)
        except ValueError as error:
            yield Refused(image.image, f"task {number}: {error}")


def _image(data: Mapping[str, Any]) -> FileLabel | None:
    """The empty label of the image that a task is about; None when its data names none."""
    told = [data.get(OBJECT), *data.values()]
    texts = [text for text in told if isinstance(text, str) and len(text) <= LONGEST_PATH]
    images = [_named(text) for text in texts]
    pictures = [one for one in images if path_of(one.image).file_name.lower().endswith(_PICTURES)]
    return next(iter(pictures or images), None)


def _named(address: str) -> FileLabel:
    """An image's name, out of the forms in which Label Studio writes the addresses of files."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return FileLabel(image=address)
    if local := _LOCAL.fullmatch(address):
        return FileLabel(image=unquote(local["path"]), raw=address)
    if uploaded := _UPLOADED.fullmatch(parts.path):
        return FileLabel(image=unquote(uploaded["file"]), raw=address, uploaded=True)
    if _STORED.fullmatch(parts.path):
        stored = parse_qs(parts.query).get("fileuri", [""])[0]
        return FileLabel(image=_decoded(stored) or address, raw=address)
    return FileLabel(image=address)


def _decoded(text: str) -> str | None:
    """Base64 of either alphabet, with or without its end; None when it is none."""
    plain = text.replace("-", "+").replace("_", "/").replace(" ", "+")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _label(image: FileLabel, annotation: _Annotation, ignored: Counter[str]) -> FileLabel:
    author = annotation.created_username
    if isinstance(annotation.completed_by, dict):
        author = str(annotation.completed_by.get("email", author))
    if annotation.was_cancelled:
        return replace(image, skipped=True, author=author)
    names: dict[str, dict[str, None]] = {PRESENT: {}, ABSENT: {}}
    clicks: list[Click] = []
    size: Size = (None, None)
    for result in annotation.result:
        if result.type == "choices" and "x" not in result.value:
            answer = ABSENT if result.from_name == ABSENT else PRESENT
            names[answer] |= dict.fromkeys(parsed(_Choices, result.value).choices)
        elif result.type == "keypointlabels" and not result.image_rotation % 360:
            clicks += _clicks(result)
            size = result.original_width, result.original_height
        else:
            ignored[f"{'rotated ' if result.image_rotation else ''}{result.type or 'untyped'}"] += 1
    points, outside = placed(clicks, size)
    return replace(
        image, width=size[0], height=size[1], present=tuple(names[PRESENT]),
        absent=tuple(names[ABSENT]), places=Places(points=points), outside=outside, author=author,
    )  # fmt: skip


def _clicks(result: _Result) -> Iterator[Click]:
    if result.original_width is None or result.original_height is None:
        raise ValueError("a point without original_width and original_height")
    size = result.original_width, result.original_height
    region = parsed(_KeyPoint, result.value)
    for category in region.keypointlabels:
        yield rounded(category, region.x / 100 * size[0], region.y / 100 * size[1])
