"""One simulated annotator: a view of an image becomes an answer, with the time that it took.

What somebody answers of an image depends on the seed, the person and the image alone, not on when
they get it or on what else they were asked: orders of work and budgets are compared on the same
answers.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.annotators.mistakes import Mistakes
from trainer.annotators.times import TimeModel, Work
from trainer.annotators.trail import Clocked, clocked
from trainer.contract import Places, WeakLabel
from trainer.data.labels import ABSENT, NOT_ASKED, PRESENT
from trainer.data.marking import Question, Seen, choose_pixels
from trainer.data.views import View

MARGIN = 2
"""Pixels that somebody who clicks keeps off a border."""


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
        places = question.places(view, seen, _Hand(self._mistakes, random))
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

    def _clock(self, mean: float, actions: int, random: np.random.Generator) -> Clocked:
        seconds = self._times.draw(mean, self._pace, random)
        away = random.uniform() < self._times.break_chance
        absent = float(random.exponential(self._times.break_seconds)) if away else 0.0
        return clocked(seconds, actions, absent, random)


@dataclass(frozen=True)
class _Hand:
    mistakes: Mistakes
    random: np.random.Generator

    def clicks(self, view: View, index: int, count: int) -> Iterable[tuple[int, int]]:
        """On pixels, or beside them; never outside of the image."""
        height, width = view.mask.shape
        for row, column in choose_pixels(_region(view, index), count, MARGIN, self.random):
            offset = self.random.normal(0, self.mistakes.jitter * width, size=2)
            across, down = (round(float(by)) for by in offset)
            yield min(max(row + down, 0), height - 1), min(max(column + across, 0), width - 1)

    def presses(self, view: View, index: int, shares: NDArray[np.float64]) -> list[int]:
        draws: NDArray[np.float64] = self.random.random(len(shares[0]))
        if index == FALSE_ALARM:
            return [int(draws.argmax())]
        threshold = float(view.thresholds[index])
        return [
            number
            for number, share in enumerate(shares[index].tolist())
            if share > threshold and draws[number] >= self.mistakes.miss_chance(share)
        ]


def _region(view: View, index: int) -> NDArray[np.bool_]:
    """Where something is; everywhere, for what is not there at all."""
    return np.ones(view.mask.shape, np.bool_) if index == FALSE_ALARM else view.mask == index
