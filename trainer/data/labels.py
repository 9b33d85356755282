"""Label files: one weak label a line, read into arrays of three-valued presence and points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trainer.contract import WeakLabel
from trainer.errors import BadInput, describe

PRESENT, ABSENT, NOT_ASKED = 1, 0, -1


@dataclass(frozen=True)
class TargetLabel:
    """What is known about one target image.

    `presence` is (C,): 1 present, 0 absent, -1 not asked or unsure. `points` is (P, 3): category,
    x and y as fractions of the width and the height. `size` is (width, height) of the original.
    """

    presence: NDArray[np.int8]
    points: NDArray[np.float32]
    size: tuple[int, int]


def unlabelled(categories: int) -> TargetLabel:
    """The label of an image about which nothing is known."""
    points = np.zeros((0, 3), np.float32)
    return TargetLabel(np.full(categories, NOT_ASKED, np.int8), points, size=(0, 0))


def read_labels(
    path: Path, categories: Sequence[str], images: Iterable[str]
) -> dict[str, TargetLabel]:
    """Labels of the target's images by image name.

    Several lines for one image (several annotators) are merged; where they disagree about a
    category it counts as not asked.

    Raises:
        BadInput: naming file and line.
    """
    index = {name: number for number, name in enumerate(categories)}
    names = _by_any_name(images)
    labels: dict[str, list[TargetLabel]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            name, label = _parse(line, index, names)
            same = labels.setdefault(name, [])
            _check_sizes([*same, label])
            same.append(label)
        except ValidationError as error:
            raise BadInput(f"{path}:{number}: {describe(error)}") from error
        except BadInput as error:
            raise BadInput(f"{path}:{number}: {error}") from error
    return {name: _merge(same) for name, same in labels.items()}


def _parse(
    line: str, index: Mapping[str, int], names: Mapping[str, str]
) -> tuple[str, TargetLabel]:
    label = WeakLabel.model_validate_json(line)
    if label.image not in names:
        raise BadInput(f"image: {label.image!r} is not in the target dataset")
    return names[label.image], _to_arrays(label, index)


def _check_sizes(labels: Sequence[TargetLabel]) -> None:
    if len({label.size for label in labels}) > 1:
        raise BadInput(f"width, height: {labels[-1].size}, on a line before {labels[0].size}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot read the label file: {error}") from error


def _by_any_name(images: Iterable[str]) -> Mapping[str, str]:
    """Names of images by their full name, and by file name where only one has it."""
    full = list(images)
    by_file: dict[str, list[str]] = {}
    for name in full:
        by_file.setdefault(PurePosixPath(name).name, []).append(name)
    unique = {file: names[0] for file, names in by_file.items() if len(names) == 1}
    return unique | {name: name for name in full}


def _to_arrays(label: WeakLabel, index: Mapping[str, int]) -> TargetLabel:
    presence = np.full(len(index), NOT_ASKED, np.int8)
    presence[[_find(name, index, "absent") for name in label.absent]] = ABSENT
    clicked = [_find(point.category, index, "points") for point in label.points]
    if contradicted := {p.category for p in label.points} & set(label.absent):
        raise BadInput(f"points: a point on absent {', '.join(sorted(contradicted))}")
    presence[[_find(name, index, "present") for name in label.present] + clicked] = PRESENT
    points = [
        (category, point.x / label.width, point.y / label.height)
        for category, point in zip(clicked, label.points, strict=True)
    ]
    return TargetLabel(
        presence,
        np.array(points, np.float32).reshape(-1, 3),
        size=(label.width, label.height),
    )


def _find(name: str, index: Mapping[str, int], field: str) -> int:
    if name not in index:
        raise BadInput(f"{field}: unknown category {name!r}; known are {', '.join(index)}")
    return index[name]


def _merge(labels: Sequence[TargetLabel]) -> TargetLabel:
    answers = np.stack([label.presence for label in labels])
    present, absent = (answers == PRESENT).any(0), (answers == ABSENT).any(0)
    presence = np.full(answers.shape[1], NOT_ASKED, np.int8)
    presence[present & ~absent] = PRESENT
    presence[absent & ~present] = ABSENT
    points = np.concatenate([label.points for label in labels])
    agreed = presence[points[:, 0].astype(int)] == PRESENT
    return TargetLabel(presence, points[agreed], size=labels[0].size)
