"""What a person says of an image: in ids of categories, as columns have it, and in their names.

A person has one current label of an image. An answer for one category alone makes a new revision
with this answer and everything else as it was. Without an earlier label it is *partial*: training
sees its answers, the other categories count as not asked, and the image still waits to be labelled
as a whole. The label that is given then keeps the answers for categories that it does not name.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from server.errors import BadInput
from server.models import Image, Label, Project
from server.models.label import AnswerValue, Point, Tiles
from server.schemas.label import LabelIn, LabelOut, TilesIn
from trainer.contract import PointLabel, TileTags
from trainer.contract.names import comparable
from trainer.contract.places import inside


@dataclass(frozen=True)
class Content:
    """Answers, points and tiles of one label, or why it has none."""

    answers: Mapping[int, AnswerValue] = field(default_factory=dict)
    """By category; of one that is not here, the person was not asked."""
    points: Sequence[Point] = ()
    tiles: Tiles | None = None
    skipped: str | None = None

    @classmethod
    def of(cls, label: Label) -> Self:
        """What a stored label says."""
        answers = {i: value for value in AnswerValue for i in getattr(label, value)}
        return cls(answers, label.points, label.tiles, label.skipped)

    def with_answer(self, category_id: int, value: AnswerValue) -> Self:
        """The same but for one category's answer; a skip said nothing.

        Points and tiles stay, but for those of a category that is not present.
        """
        changed = replace(self, answers={**self.answers, category_id: value}, skipped=None)
        if value is AnswerValue.PRESENT:
            return changed
        points = [point for point in self.points if point["category_id"] != category_id]
        return replace(changed, points=points, tiles=_without(self.tiles, category_id))

    def keeping(self, earlier: "Content") -> Self:
        """With an earlier label's answers for the categories that it does not name.

        A skip keeps none: it says that the image can not be judged.
        """
        if self.skipped is not None:
            return self
        return replace(self, answers={**earlier.answers, **self.answers})

    def names_all(self, category_ids: Iterable[int]) -> bool:
        """Whether it says something of each of these categories."""
        return self.answers.keys() >= set(category_ids)

    def only_corrects(self, earlier: "Content", category_ids: Iterable[int]) -> bool:
        """Whether it names no more than an earlier label; a skip, and one that names all, do not."""
        names_no_more = self.answers.keys() <= earlier.answers.keys()
        return self.skipped is None and names_no_more and not self.names_all(category_ids)

    def columns(self, category_ids: Collection[int]) -> dict[str, Any]:
        """The columns of a label's row, categories in this order; others are left out."""
        lists = {
            value: [i for i in category_ids if self.answers.get(i) is value]
            for value in AnswerValue
        }
        points = list(self.points)
        return lists | {"points": points, "tiles": self.tiles, "skipped": self.skipped}


def _without(tiles: Tiles | None, category_id: int) -> Tiles | None:
    if tiles is None:
        return None
    present = {i: indices for i, indices in tiles["present"].items() if i != str(category_id)}
    return {**tiles, "present": present}


def fitting(project: Project, image: Image, label: LabelIn) -> Content:
    """What a label says, in the project's categories; a point or a tile makes its own present.

    Raises BadInput for what does not fit the project or the image.
    """
    _refuse_other_modes(project, label)
    ids = {comparable(category.name): category.id for category in project.categories}
    return Content(
        answers=_answers(label, ids),
        points=_points_inside(image, label, ids),
        tiles=_tiles_inside(label.tiles, ids),
        skipped=label.skipped,
    )


def _refuse_other_modes(project: Project, label: LabelIn) -> None:
    if label.points and not project.asked.points:
        raise BadInput("points: this project does not ask for points", code="no-points")
    if label.tiles is None:
        return
    if not project.asked.tiles:
        raise BadInput("tiles: this project does not ask for tiles", code="no-tiles")
    grid, own = (label.tiles.rows, label.tiles.cols), (project.tile_rows, project.tile_cols)
    if grid != own:
        raise BadInput(
            f"tiles: a grid of {grid[0]} x {grid[1]}, but this project's is {own[0]} x {own[1]}",
            code="wrong-grid",
        )


def _answers(label: LabelIn, ids: Mapping[str, int]) -> dict[int, AnswerValue]:
    present = dict.fromkeys(label.present)
    present |= dict.fromkeys(point.category for point in label.points)
    present |= dict.fromkeys(label.tiles.present if label.tiles else ())
    lists = (
        (AnswerValue.PRESENT, present),
        (AnswerValue.ABSENT, label.absent),
        (AnswerValue.UNSURE, label.unsure),
    )
    answers: dict[int, AnswerValue] = {}
    for value, name in ((value, name) for value, names in lists for name in names):
        category_id = ids.get(comparable(name))
        if category_id is None:
            raise BadInput(
                f"{value}: there is no category {name!r} in this project", code="unknown-category"
            )
        first = answers.setdefault(category_id, value)
        if first is not value:
            raise BadInput(f"{value}: {name!r} is both {first} and {value}", code="contradiction")
    return answers


def _points_inside(image: Image, label: LabelIn, ids: Mapping[str, int]) -> list[Point]:
    width, height = image.width or 0, image.height or 0
    points: list[Point] = []
    for index, point in enumerate(label.points):
        x, y = inside(point.x, width), inside(point.y, height)
        if x is None or y is None:
            raise BadInput(
                f"points[{index}]: ({point.x:g}, {point.y:g}) of {point.category} is outside the "
                f"{width} x {height} image",
                code="point-outside",
            )
        points.append({"category_id": ids[comparable(point.category)], "x": x, "y": y})
    return points


def _tiles_inside(tiles: TilesIn | None, ids: Mapping[str, int]) -> Tiles | None:
    if tiles is None:
        return None
    count = tiles.rows * tiles.cols
    for name, indices in tiles.present.items():
        if wrong := [i for i in indices if not 0 <= i < count]:
            raise BadInput(f"tiles.present.{name}: there is no tile {wrong[0]} of {count}")
    present = {
        str(ids[comparable(name)]): sorted(set(tiles.present[name])) for name in tiles.present
    }
    return {"rows": tiles.rows, "cols": tiles.cols, "present": present}


def says(label: LabelIn | LabelOut) -> tuple[object, ...]:
    """What a label says, points to a tenth of a pixel: formats round them."""
    points = {(point.category, round(point.x, 1), round(point.y, 1)) for point in label.points}
    tagged = label.tiles.present if label.tiles else {}
    present = {*label.present, *tagged, *(category for category, _, _ in points)}
    tiles = label.tiles and (
        label.tiles.rows,
        label.tiles.cols,
        {n: sorted(t) for n, t in tagged.items()},
    )
    return present, set(label.absent), points, tiles, label.skipped is None


def _names(names: Mapping[int, str], ids: str) -> tuple[str, ...]:
    """Of categories, in the project's order; `ids` is the JSON of a list of them."""
    listed = frozenset(json.loads(ids))
    return tuple(name for i, name in names.items() if i in listed)


def _points(names: Mapping[int, str], points: str) -> tuple[PointLabel, ...]:
    return tuple(
        PointLabel(category=names[p["category_id"]], x=p["x"], y=p["y"]) for p in json.loads(points)
    )


def _tile_tags(names: Mapping[int, str], text: str | None) -> TileTags | None:
    tiles = json.loads(text or "null")
    if tiles is None:
        return None
    present = {
        name: tuple(tiles["present"][str(i)])
        for i, name in names.items()
        if str(i) in tiles["present"]
    }
    return TileTags(rows=tiles["rows"], cols=tiles["cols"], present=present)


IN_NAMES: Mapping[str, Callable[[Mapping[int, str], Any], Any]] = {
    "present": _names,
    "absent": _names,
    "points": _points,
    "tiles": _tile_tags,
}
"""Columns that label files have as fields, each with how one becomes the other: given the names of
the project's categories, in its order, and what the column has, as JSON."""
