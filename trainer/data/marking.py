"""What an image is labelled with, and the places that somebody marks who sees its mask."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainer.contract import Places, PointLabel, TileTags
from trainer.data.views import View

ASKS_POINTS = ("points", "tags-and-points")
"""Modes of projects."""
KINDS = "tags, points, points-N, tiles-RxC"
"""Of labels, as studies name them; N points on each category, or tiles of R rows and C columns."""
KIND = re.compile(r"tags|points(-(?P<points>[1-9]))?|tiles-(?P<rows>\d+)x(?P<columns>\d+)")

Seen = Mapping[int, int]
"""By index of a category that somebody believes to see: that of what is really there."""


class Hand(Protocol):
    """How somebody marks what they see: exactly, or not."""

    def clicks(self, view: View, index: int, count: int) -> Iterable[tuple[int, int]]:
        """So many pixels (row, column) on what has this index in the view."""

    def presses(self, view: View, index: int, shares: NDArray[np.float64]) -> Iterable[int]:
        """The tiles that have it; `shares` (C, R * K) is what each category covers of each tile."""


@dataclass(frozen=True)
class Question:
    """What an image is labelled with."""

    categories: tuple[str, ...]
    points: int = 0
    """On each category that is there; 0: none are asked for."""
    tiles: tuple[int, int] | None = None
    """Rows and columns of a grid; None: tiles are not asked for."""

    @classmethod
    def of_kind(cls, kind: str, categories: tuple[str, ...]) -> Self:
        """By a name as of `KINDS`; raises ValueError for others."""
        found = KIND.fullmatch(kind)
        if found is None:
            raise ValueError(f"{kind!r} is none of {KINDS}")
        points, rows, columns = found.group("points", "rows", "columns")
        if kind.startswith("points"):
            return cls(categories, points=int(points or 1))
        return cls(categories, tiles=(int(rows), int(columns)) if rows and columns else None)

    @classmethod
    def of_project(cls, project: Mapping[str, Any]) -> Self:
        """What a project asks, as the API tells of it."""
        mode = project["mode"]
        return cls(
            categories=tuple(category["name"] for category in project["categories"]),
            points=project["points_per_category"] if mode in ASKS_POINTS else 0,
            tiles=(project["tile_rows"], project["tile_cols"]) if mode == "tiles" else None,
        )

    def places(self, view: View, seen: Seen, hand: Hand) -> Places:
        """What somebody marks who believes to see this."""
        named = [(self.categories[called], index) for called, index in sorted(seen.items())]
        points = tuple(
            PointLabel(category=name, x=column + 0.5, y=row + 0.5)
            for name, index in named
            if self.points
            for row, column in hand.clicks(view, index, self.points)
        )
        if self.tiles is None:
            return Places(points=points)
        shares = view.tile_fractions(self.tiles)
        pressed = {name: tuple(hand.presses(view, index, shares)) for name, index in named}
        present = {name: tiles for name, tiles in pressed.items() if tiles}
        rows, columns = self.tiles
        return Places(points=points, tiles=TileTags(rows=rows, cols=columns, present=present))


def choose_pixels(
    region: NDArray[np.bool_], points: int, margin: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Distinct random pixels (row, column) of a region, `margin` off its border where it is wide
    enough; fewer than `points` where it has fewer."""
    inner = region
    for _ in range(margin):
        shrunk = np.asarray(
            Image.fromarray(inner.astype(np.uint8)).filter(ImageFilter.MinFilter(3))
        ).astype(bool)
        if np.count_nonzero(shrunk) < points:
            break
        inner = shrunk
    pixels = np.argwhere(inner)
    count = min(points, len(pixels))
    chosen = random.choice(len(pixels), size=count, replace=False)
    return [(int(row), int(column)) for row, column in pixels[chosen]]
