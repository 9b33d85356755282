"""COCO keypoints JSON: points are annotations with one keypoint; tags are lists of each image.

COCO itself has no image-level labels. `neg_category_ids` is what LVIS, its extension, says of an
image's absent categories; `pos_category_ids` is its counterpart. Tools that know neither pass them
over. Keypoints of COCO are indices of pixels, whose centres are half a pixel further in our terms.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO

from pydantic import BaseModel

from server.errors import BadInput
from server.services.labels.formats.json_stream import members
from server.services.labels.formats.label import (
    DECIMALS,
    FileLabel,
    Found,
    Hear,
    Refused,
    in_few_digits,
    merged,
    parsed,
    placed,
    rounded,
    unheard,
)
from trainer.contract import Places, WeakLabel

HALF = 0.5
VISIBLE = 2
PIECE = 2**16

Id = int | str


class _Category(BaseModel):
    id: Id
    name: str


class _Image(BaseModel):
    id: Id
    file_name: str
    width: int
    height: int
    pos_category_ids: list[Id] = []
    neg_category_ids: list[Id] = []


class _Annotation(BaseModel):
    image_id: Id
    category_id: Id
    keypoints: list[float] = []


def write(labels: Iterable[WeakLabel], categories: Mapping[str, str]) -> Iterator[str]:
    """The file; annotators are merged."""
    ids = {name: number for number, name in enumerate(categories, 1)}
    listed = [
        {"id": ids[name], "name": name, "supercategory": "", "keypoints": ["point"], "skeleton": []}
        for name in categories
    ]
    about = {"description": "Weak labels: tags and points", "version": "1.0"}
    yield f'{{"info": {json.dumps(about)},\n"licenses": [],\n'
    yield f'"categories": {json.dumps(listed, ensure_ascii=False)},\n"images": ['
    # The annotations come after all images: they wait in a file, not in memory.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as waiting:
        written = 0
        for number, label in enumerate(merged(labels), 1):
            yield ",\n" if number > 1 else "\n"
            yield json.dumps(_image(number, label, ids), ensure_ascii=False)
            written = _write_annotations(waiting, written, number, label, ids)
        yield '],\n"annotations": ['
        waiting.seek(0)
        while piece := waiting.read(PIECE):
            yield piece
    yield "]}\n"


def _image(number: int, label: WeakLabel, ids: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number, "file_name": label.image, "width": label.width, "height": label.height,
        "pos_category_ids": [ids[name] for name in label.present],
        "neg_category_ids": [ids[name] for name in label.absent],
    }  # fmt: skip


def _write_annotations(
    file: IO[str], written: int, number: int, label: WeakLabel, ids: Mapping[str, int]
) -> int:
    """Write those of one image; returns how many are in the file then."""
    for clicked in label.points:
        x, y = in_few_digits(clicked, label)
        centre = (round(x - HALF, DECIMALS), round(y - HALF, DECIMALS))
        annotation = {
            "id": written + 1, "image_id": number, "category_id": ids[clicked.category],
            "keypoints": [*centre, VISIBLE], "num_keypoints": 1,
            "bbox": [int(x), int(y), 1, 1], "area": 1, "iscrowd": 0,
        }  # fmt: skip
        file.write((",\n" if written else "\n") + json.dumps(annotation))
        written += 1
    return written


@dataclass
class _Document:
    """A file's parts, which may come in any order."""

    categories: dict[Id, str] = field(default_factory=dict)
    images: dict[Id, _Image] = field(default_factory=dict)
    clicks: dict[Id, list[tuple[Id, float, float]]] = field(default_factory=dict)

    def add(self, part: str, value: Any, ignored: Counter[str]) -> None:
        """Take one member in. Raises ValueError when it is not as COCO has it."""
        if part == "categories":
            category = parsed(_Category, value)
            if category.id in self.categories:
                raise _twice(category.id, self.categories[category.id], category.name)
            self.categories[category.id] = category.name
        elif part == "images":
            image = parsed(_Image, value)
            if image.id in self.images:
                raise _twice(image.id, self.images[image.id].file_name, image.file_name)
            self.images[image.id] = image
        elif part == "annotations":
            self._add_annotation(parsed(_Annotation, value), ignored)

    def _add_annotation(self, annotation: _Annotation, ignored: Counter[str]) -> None:
        flat = annotation.keypoints
        if len(flat) % 3:
            raise ValueError("keypoints: not three numbers each")
        visible = [
            (annotation.category_id, flat[i], flat[i + 1])
            for i in range(0, len(flat), 3)
            if flat[i + 2] == VISIBLE
        ]
        if visible:
            self.clicks.setdefault(annotation.image_id, []).extend(visible)
        else:
            ignored["annotations without a visible keypoint"] += 1

    def label(self, image: _Image) -> FileLabel:
        """What the file says of an image. Raises ValueError."""
        clicks = (
            rounded(self._name(category), x + HALF, y + HALF)
            for category, x, y in self.clicks.get(image.id, ())
        )
        points, outside = placed(clicks, (image.width, image.height))
        return FileLabel(
            image=image.file_name,
            width=image.width,
            height=image.height,
            present=tuple(self._name(number) for number in image.pos_category_ids),
            absent=tuple(self._name(number) for number in image.neg_category_ids),
            places=Places(points=points),
            outside=outside,
        )

    def _name(self, category: Id) -> str:
        if category not in self.categories:
            raise ValueError(f"there is no category with the id {category} in the file")
        return self.categories[category]


def _twice(number: Id, first: str, second: str) -> ValueError:
    return ValueError(f"the id {number} is that of {first} and of {second}")


def read(file: BinaryIO, ignored: Counter[str], hear: Hear = unheard) -> Iterator[Found]:
    """The labels of a file, one of each image that has visible keypoints or tags.

    An image without any may not have been looked at: it is counted as ignored, as annotations
    without visible keypoints are. Raises BadInput for what is not COCO.
    """
    document = _read_document(file, ignored)
    for image in document.images.values():
        if not (image.id in document.clicks or image.pos_category_ids or image.neg_category_ids):
            ignored["images without tags and points"] += 1
            hear(FileLabel(image=image.file_name))
            continue
        try:
            yield document.label(image)
        except ValueError as error:
            yield Refused(image.file_name, str(error))


def _read_document(file: BinaryIO, ignored: Counter[str]) -> _Document:
    document = _Document()
    seen: Counter[str] = Counter()
    for part, value in members(file):
        if part is None:
            raise BadInput("not COCO: an array where an object with images should be")
        seen[part] += 1
        try:
            document.add(part, value, ignored)
        except ValueError as error:
            raise BadInput(f"{part}[{seen[part] - 1}]: {error}") from error
    if not (document.images or document.categories):
        raise BadInput("not COCO: there are no images and no categories in it")
    if strangers := document.clicks.keys() - document.images.keys():
        raise BadInput(f"annotations of image {min(strangers, key=str)}, which is not in the file")
    return document
