"""Labels: what is known of an image, from a person or, for gold images, from its mask."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from trainer.contract.names import comparable
from trainer.contract.places import inside
from trainer.contract.record import Record

HELD_OUT_FROM = 20
"""Labelled images; of fewer none is held out."""


class PointLabel(Record):
    """One clicked pixel: x right, y down, in original image pixels, pixel centres at .5."""

    category: str
    x: float = Field(ge=0)
    y: float = Field(ge=0)


class TileTags(Record):
    """Presence per tile of a rows x cols grid; indices count row by row from the top left."""

    rows: int = Field(ge=1, le=16)
    cols: int = Field(ge=1, le=16)
    present: dict[str, tuple[int, ...]] = Field(default={})

    def renamed(self, name_of: Callable[[str], str | None]) -> Self:
        """As `Places.renamed`."""
        names = ((name_of(category), numbers) for category, numbers in self.present.items())
        present = {name: numbers for name, numbers in names if name is not None}
        return self.model_copy(update={"present": present})


class Places(Record):
    """What a label says of places in its image: a field for each kind, called as in `WeakLabel`."""

    points: tuple[PointLabel, ...] = ()
    tiles: TileTags | None = None

    def categories(self) -> set[str]:
        """Those that have a place: by that they are present."""
        tagged = self.tiles.present if self.tiles else ()
        return {*tagged, *(point.category for point in self.points)}

    def renamed(self, name_of: Callable[[str], str | None]) -> Self:
        """With other names of categories; what is of one that has none is left out."""
        points = (
            point.model_copy(update={"category": name})
            for point in self.points
            if (name := name_of(point.category)) is not None
        )
        tiles = self.tiles and self.tiles.renamed(name_of)
        return self.model_copy(update={"points": tuple(points), "tiles": tiles})


class WeakLabel(Record):
    """One line of a label file. A category in neither list was not asked."""

    image: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    points: tuple[PointLabel, ...] = ()
    tiles: TileTags | None = None
    active_ms: int = Field(default=0, ge=0)
    wall_ms: int = Field(default=0, ge=0)
    annotator: str = ""
    labelled_at: datetime | None = None
    prefilled_by: str | None = None

    @property
    def places(self) -> Places:
        """What it says of places."""
        return Places(points=self.points, tiles=self.tiles)

    @field_validator("points", mode="before")
    @classmethod
    def _a_hair_outside_is_inside(cls, points: Any, known: ValidationInfo) -> Any:
        size = {"x": known.data.get("width"), "y": known.data.get("height")}
        if None in size.values() or not isinstance(points, list | tuple):
            return points
        return tuple(_moved_inside(point, size) for point in points)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        absent = set(map(comparable, self.absent))
        if both := {name for name in self.present if comparable(name) in absent}:
            raise ValueError(f"present and absent at once: {', '.join(sorted(both))}")
        for point in self.points:
            if point.x >= self.width or point.y >= self.height:
                raise ValueError(
                    f"point ({point.x:g}, {point.y:g}) of {point.category!r} is outside "
                    f"the {self.width} x {self.height} image"
                )
        return self


def _moved_inside(point: Any, size: dict[str, Any]) -> Any:
    """A point as it was given, with what is a hair outside of (width, height) moved inside."""
    if not isinstance(point, dict):
        return point
    numbers = {axis: point[axis] for axis in size if isinstance(point.get(axis), int | float)}
    moved = {axis: inside(number, size[axis]) for axis, number in numbers.items()}
    return point | {axis: value for axis, value in moved.items() if value is not None}


VOID_INDEX = 255
"""Of pixels that count nowhere, in the index masks of `GoldSample`."""


class GoldSample(Record):
    """One line of a `gold.jsonl`: an image whose true answers are known. Paths are relative to it.

    Categories that its dataset does not know, or of which there is too little to count, are in
    neither list.
    """

    image: Path
    mask: Path
    """PNG of the image's size; the value is the category's place in the list that was asked for."""
    present: tuple[str, ...]
    absent: tuple[str, ...]
