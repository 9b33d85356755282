"""Label files: one weak label a line, read into arrays of three-valued presence and points."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trainer.contract import TileTags, WeakLabel
from trainer.contract.image_names import Claims, ImageNames, MatchedBy, NoMatch
from trainer.contract.lines import lines_of
from trainer.contract.names import comparable
from trainer.errors import BadInput, describe
from trainer.run_folder.atomic import write_atomically

PRESENT, ABSENT, NOT_ASKED = 1, 0, -1


@dataclass(frozen=True)
class TargetLabel:
    """What is known about one target image.

    `presence` is (C,): 1 present, 0 absent, -1 not asked or unsure. `points` is (P, 3): category,
    x and y as fractions of the width and the height. `size` is (width, height) of the original.
    `tiles` is (C, R, K), three-valued as presence is, for each tile of a grid of R rows and K
    columns; None when nothing was asked of tiles.
    """

    presence: NDArray[np.int8]
    points: NDArray[np.float32]
    size: tuple[int, int]
    tiles: NDArray[np.int8] | None = None


def unlabelled(categories: int, grid: tuple[int, int] | None = None) -> TargetLabel:
    """The label of an image about which nothing is known; `grid` is (rows, columns) of tiles."""
    presence = np.full(categories, NOT_ASKED, np.int8)
    points = np.zeros((0, 3), np.float32)
    return TargetLabel(presence, points, size=(0, 0), tiles=grid and _tiles_of(presence, grid))


def grid_of(labels: Iterable[TargetLabel]) -> tuple[int, int] | None:
    """(rows, columns) of tiles that most labels have, the finer one of two; None: no tiles.

    One tile is the whole image and says no more than the image's presence.
    """
    grids = Counter(label.tiles.shape[1:] for label in labels if label.tiles is not None)
    del grids[1, 1]
    if not grids:
        return None
    rows, columns = max(grids, key=lambda grid: (grids[grid], grid[0] * grid[1], grid))
    return rows, columns


def read_labels(
    path: Path, categories: Sequence[str], images: Iterable[str]
) -> dict[str, TargetLabel]:
    """Labels of the target's images by image name.

    Several lines for one image (several annotators) are merged; where they disagree about a
    category, or a category in a tile, it counts as not asked. All labels come back with the tiles
    of one grid (`grid_of` the lines) or all without; a line with another grid tells of the whole
    image alone.

    Raises:
        BadInput: naming file and line.
    """
    index = {name: number for number, name in enumerate(categories)}
    names, claims = ImageNames(images, "it"), Claims()
    matches: list[tuple[int, str, MatchedBy]] = []
    labels: dict[str, list[TargetLabel]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            said = WeakLabel.model_validate_json(line)
            name, by = _find_image(said.image, names)
            claims.add(name, said.image, by)
            matches.append((number, name, by))
            label = to_arrays(said, index)
            same = labels.setdefault(name, [])
            _check_sizes([*same, label])
            same.append(label)
        except ValidationError as error:
            raise BadInput(f"{path}:{number}: {describe(error)}") from error
        except BadInput as error:
            raise BadInput(f"{path}:{number}: {error}") from error
    _check_claims(path, claims, matches)
    grid = grid_of(label for same in labels.values() for label in same)
    return {name: _merge([_on_grid(each, grid) for each in same]) for name, same in labels.items()}


def _find_image(text: str, names: ImageNames) -> tuple[str, MatchedBy]:
    try:
        return names.find(text)
    except NoMatch as error:
        raise BadInput(f"image: {text!r} is not in the target dataset ({error})") from error


def _check_claims(
    path: Path, claims: Claims, matches: Iterable[tuple[int, str, MatchedBy]]
) -> None:
    """Whether the names of lines (number, image, match) are each of one image, which all tell."""
    for number, name, by in matches:
        try:
            claims.check(name, by)
        except NoMatch as error:
            raise BadInput(f"{path}:{number}: image: {error}") from error


def _check_sizes(labels: Sequence[TargetLabel]) -> None:
    if len({label.size for label in labels}) > 1:
        raise BadInput(f"width, height: {labels[-1].size}, on a line before {labels[0].size}")


def _lines(path: Path) -> list[str]:
    try:
        return lines_of(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot read the label file: {error}") from error


def write_labels(path: Path, labels: Iterable[WeakLabel]) -> None:
    """Write a label file, at once or not at all."""
    lines = "".join(f"{label.model_dump_json()}\n" for label in labels)
    write_atomically(path, lines.encode())


def to_arrays(label: WeakLabel, index: Mapping[str, int]) -> TargetLabel:
    """One label; `index` is each category's number.

    Raises:
        BadInput: naming the field.
    """
    label = _with_names_of(label, index)
    presence = np.full(len(index), NOT_ASKED, np.int8)
    presence[[_find(name, index, "absent") for name in label.absent]] = ABSENT
    clicked = [_find(point.category, index, "points") for point in label.points]
    tags = label.tiles.present if label.tiles else {}
    for name in tags:
        _find(name, index, "tiles.present")
    # A category that is tagged and then in no tile says nothing of the tiles.
    tagged = [name for name in tags if tags[name]]
    if contradicted := {p.category for p in label.points} & set(label.absent):
        raise BadInput(f"points: a point on absent {', '.join(sorted(contradicted))}")
    if contradicted := set(tagged) & set(label.absent):
        raise BadInput(f"tiles.present: a tile with absent {', '.join(sorted(contradicted))}")
    named = [_find(name, index, "present") for name in label.present]
    presence[named + clicked + [index[name] for name in tagged]] = PRESENT
    points = [
        (category, point.x / label.width, point.y / label.height)
        for category, point in zip(clicked, label.points, strict=True)
    ]
    return TargetLabel(
        presence,
        np.array(points, np.float32).reshape(-1, 3),
        size=(label.width, label.height),
        tiles=_tagged_tiles(label.tiles, presence, index) if label.tiles else None,
    )


def _with_names_of(label: WeakLabel, index: Mapping[str, int]) -> WeakLabel:
    """The label with categories in the run's spelling, where the file has another."""
    own = {comparable(name): name for name in index}

    def spelled(name: str) -> str:
        return own.get(comparable(name), name)

    present, absent = (tuple(map(spelled, names)) for names in (label.present, label.absent))
    places = label.places.renamed(spelled)
    return label.model_copy(update={"present": present, "absent": absent, **dict(places)})


def _tagged_tiles(
    tags: TileTags, presence: NDArray[np.int8], index: Mapping[str, int]
) -> NDArray[np.int8]:
    tiles = _tiles_of(presence, (tags.rows, tags.cols))
    for name, numbers in tags.present.items():
        if wrong := [number for number in numbers if not 0 <= number < tags.rows * tags.cols]:
            raise BadInput(
                f"tiles.present.{name}: there is no tile {wrong[0]} of {tags.rows} x {tags.cols}"
            )
        if numbers:
            of_category = tiles[index[name]].reshape(-1)
            of_category[:] = ABSENT
            of_category[list(numbers)] = PRESENT
    return tiles


def _tiles_of(presence: NDArray[np.int8], grid: tuple[int, int]) -> NDArray[np.int8]:
    """What presence in an image says of its tiles: absent in all, or nothing."""
    known = np.where(presence == ABSENT, ABSENT, NOT_ASKED).astype(np.int8)
    return np.tile(known[:, None, None], grid)


def _on_grid(label: TargetLabel, grid: tuple[int, int] | None) -> TargetLabel:
    if label.tiles is not None and label.tiles.shape[1:] == grid:
        return label
    return replace(label, tiles=grid and _tiles_of(label.presence, grid))


def _find(name: str, index: Mapping[str, int], field: str) -> int:
    if name not in index:
        raise BadInput(f"{field}: unknown category {name!r}; known are {', '.join(index)}")
    return index[name]


def _merge(labels: Sequence[TargetLabel]) -> TargetLabel:
    presence = _agreed([label.presence for label in labels])
    points = np.concatenate([label.points for label in labels])
    agreed = presence[points[:, 0].astype(int)] == PRESENT
    of_each = [label.tiles for label in labels if label.tiles is not None]
    tiles = _agreed(of_each) if of_each else None
    if tiles is not None:
        tiles[presence == NOT_ASKED] = NOT_ASKED
    return TargetLabel(presence, points[agreed], size=labels[0].size, tiles=tiles)


def _agreed(answers: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    present = (np.stack(answers) == PRESENT).any(0)
    absent = (np.stack(answers) == ABSENT).any(0)
    agreed = np.full(present.shape, NOT_ASKED, np.int8)
    agreed[present & ~absent] = PRESENT
    agreed[absent & ~present] = ABSENT
    return agreed
