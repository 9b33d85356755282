"""One simulated annotator: a view of an image becomes an answer, with the time that it took.

What somebody answers of an image depends on the seed, the person and the image alone, not on when
they get it or on what else they were asked: orders of work and budgets are compared on the same
answers.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainer.annotators.mistakes import Mistakes
from trainer.annotators.times import TimeModel, Work
from trainer.annotators.trail import Clocked, clocked
from trainer.annotators.views import View
from trainer.contract import Places, PointLabel, TileTags, WeakLabel
from trainer.data.labels import ABSENT, NOT_ASKED, PRESENT
from trainer.data.oracle import choose_pixels

MARGIN = 2
"""Pixels that somebody who clicks keeps off a border."""


ASKS_POINTS = ("points", "tags-and-points")
"""Modes of projects."""
KINDS = "tags, points, points-N, tiles-RxC"
"""Of labels, as studies name them; N points on each category, or tiles of R rows and C columns."""
KIND = re.compile(r"tags|points(-(?P<points>[1-9]))?|tiles-(?P<rows>\d+)x(?P<columns>\d+)")


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


@dataclass(frozen=True)
class Answer:
    """What somebody says of an image, and how long it took."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    unsure: tuple[str, ...]
    places: Places
    clock: Clocked

    def weak_label(self, view: View, annotator: str) -> WeakLabel:
        """As a line of a label file."""
        height, width = view.mask.shape
        return WeakLabel(
            image=view.name,
            width=width,
            height=height,
            present=self.present,
            absent=self.absent,
            **dict(self.places),
            active_ms=self.clock.active_ms,
            wall_ms=self.clock.wall_ms,
            annotator=annotator,
        )

    def body(self) -> dict[str, object]:
        """As the API takes it."""
        return {
            "present": list(self.present),
            "absent": list(self.absent),
            "unsure": list(self.unsure),
            **self.places.model_dump(mode="json"),
            "timing": self.clock.body(),
        }


FALSE_ALARM = -1
"""In place of the index of what is really there."""

Seen = Mapping[int, int]
"""By index of a category that somebody believes to see: that of what is really there."""


class Person:
    """Somebody with a pace and habits of their own."""

    def __init__(self, number: int, times: TimeModel, mistakes: Mistakes, seed: int) -> None:
        """Args:
        number: which one of those with this seed, from 0.
        times: how long everybody takes.
        mistakes: how often everybody errs.
        seed: decides pace, mistakes, clicks and times.
        """
        self._times = times
        self._mistakes = mistakes
        self._key = (seed, number)
        self._pace = times.draw_pace(np.random.default_rng(self._key))

    def answer(self, view: View, question: Question) -> Answer:
        """What they say of an image."""
        random = self._random(view.name)
        names = question.categories
        unknown = {index for index in range(len(names)) if view.presence[index] == NOT_ASKED}
        seen = self._seen(view, names, random)
        present = tuple(names[index] for index in sorted(seen))
        absent = tuple(
            name for index, name in enumerate(names) if index not in seen and index not in unknown
        )
        unsure = tuple(names[index] for index in sorted(unknown - seen.keys()))
        places = Places(
            points=self._points(view, seen, question, random),
            tiles=self._tiles(view, seen, question, random),
        )
        work = Work.of(present, len(absent) + len(unsure), places)
        mean = self._times.mean_seconds(work, asks_points=question.points > 0)
        return Answer(present, absent, unsure, places, self._clock(mean, work.actions, random))

    def sweep(
        self, views: Sequence[View], category: str, question: Question, page: str
    ) -> tuple[list[int], Clocked]:
        """What they say of one category for a page of images at once.

        Args:
            views: the images.
            category: the one that is asked.
            question: its `categories` are those of the views.
            page: decides, besides the seed, how long it takes.

        Returns:
            For each image `PRESENT`, `ABSENT` or `NOT_ASKED`, as of a view; and the time for all.
        """
        answers = []
        names = question.categories
        index = names.index(category)
        for view in views:
            seen = self._seen(view, names, self._random(view.name))
            known = NOT_ASKED if view.presence[index] == NOT_ASKED else ABSENT
            answers.append(PRESENT if index in seen else known)
        mean = self._times.swept * len(views)
        return answers, self._clock(mean, answers.count(PRESENT), self._random(page))

    def _random(self, name: str) -> np.random.Generator:
        digest = hashlib.sha256(name.encode()).digest()
        return np.random.default_rng((*self._key, int.from_bytes(digest[:8], "big")))

    def _seen(self, view: View, names: Sequence[str], random: np.random.Generator) -> Seen:
        """What they believe to see. Draws as often whatever there is, so that images compare."""
        mistakes, count = self._mistakes, len(names)
        misses, confusions, alarms, choices = random.random((4, count))
        seen: dict[int, int] = {}
        there = [index for index in range(count) if view.presence[index] == PRESENT]
        for index in there:
            if misses[index] < mistakes.miss_chance(float(view.fractions[index])):
                continue
            called = index
            if confusions[index] < mistakes.confusion:
                others = self._others(view, names, index)
                called = others[int(choices[index] * len(others))] if others else index
            seen.setdefault(called, index)
        for index in range(count):
            if view.presence[index] == ABSENT and alarms[index] < mistakes.false_alarm:
                seen.setdefault(index, FALSE_ALARM)
        return seen

    def _others(self, view: View, names: Sequence[str], index: int) -> list[int]:
        """What a category may be taken for that is not there."""
        like = self._mistakes.confused_with.get(names[index])
        return [
            other
            for other, name in enumerate(names)
            if view.presence[other] == ABSENT and (like is None or name in like)
        ]

    def _points(
        self, view: View, seen: Seen, question: Question, random: np.random.Generator
    ) -> tuple[PointLabel, ...]:
        if not question.points:
            return ()
        return tuple(
            self._click(view, question.categories[called], place, random)
            for called, index in sorted(seen.items())
            for place in choose_pixels(_region(view, index), question.points, MARGIN, random)
        )

    def _click(
        self, view: View, category: str, place: tuple[int, int], random: np.random.Generator
    ) -> PointLabel:
        """A click on a pixel (row, column), or beside it; never outside of the image."""
        height, width = view.mask.shape
        across, down = random.normal(0, self._mistakes.jitter * width, size=2)
        column = min(max(place[1] + round(float(across)), 0), width - 1)
        row = min(max(place[0] + round(float(down)), 0), height - 1)
        return PointLabel(category=category, x=column + 0.5, y=row + 0.5)

    def _tiles(
        self, view: View, seen: Seen, question: Question, random: np.random.Generator
    ) -> TileTags | None:
        if question.tiles is None:
            return None
        fractions = view.tile_fractions(question.tiles)
        present = {}
        for called, index in sorted(seen.items()):
            draws: NDArray[np.float64] = random.random(len(fractions[0]))
            if index == FALSE_ALARM:
                chosen = [int(draws.argmax())]
            else:
                chosen = self._pressed(fractions[index], float(view.thresholds[index]), draws)
            if chosen:
                present[question.categories[called]] = tuple(chosen)
        rows, columns = question.tiles
        return TileTags(rows=rows, cols=columns, present=present)

    def _pressed(
        self, fractions: NDArray[np.float64], threshold: float, draws: NDArray[np.float64]
    ) -> list[int]:
        return [
            tile
            for tile, share in enumerate(fractions.tolist())
            if share > threshold and draws[tile] >= self._mistakes.miss_chance(share)
        ]

    def _clock(self, mean: float, actions: int, random: np.random.Generator) -> Clocked:
        seconds = self._times.draw(mean, self._pace, random)
        away = random.uniform() < self._times.break_chance
        absent = float(random.exponential(self._times.break_seconds)) if away else 0.0
        return clocked(seconds, actions, absent, random)


def _region(view: View, index: int) -> NDArray[np.bool_]:
    """Where something is; everywhere, for what is not there at all."""
    return np.ones(view.mask.shape, np.bool_) if index == FALSE_ALARM else view.mask == index
