"""Labels within a budget: which images simulated annotators take, and what they say of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.annotators.mistakes import Mistakes
from trainer.annotators.person import Person
from trainer.annotators.times import TimeModel
from trainer.contract import ImagePrediction, WeakLabel
from trainer.data.labels import ABSENT, PRESENT
from trainer.data.marking import Question
from trainer.data.views import View, Views
from trainer.errors import BadInput
from trainer.study.budgets.plan import SWEEPS

PAGE = 24
"""Images of one page of a sweep."""
FLOOR = 1 / 20
"""A category counts as no rarer than this."""
ANNOTATOR = "simulated"

Predictions = Mapping[str, ImagePrediction]
"""By image."""


def ranked(
    order: str, names: Sequence[str], seed: int, now: Predictions, before: Predictions
) -> list[str]:
    """Images in the order in which they are to be labelled.

    random         drawn once for each seed
    uncertain      mean entropy of the model's prediction, the highest first
    rare           expected number of categories, each weighted by how rare the model expects it
    disagreement   largest change of a category's probability between the last two models; before
                   there are two, random

    The first three are the server's orders. Its fourth compares models with labels, of which images
    that nobody has labelled have none.

    Args:
        order: one of these.
        names: of the images that are left.
        seed: of the random order, which also decides between equals.
        now: of the latest model.
        before: of the one before.
    """
    drawn = np.random.default_rng((seed, 1)).permutation(sorted(names)).tolist()
    if order == "random" or (order == "disagreement" and not before):
        return [str(name) for name in drawn]
    worth = _worth(order, now, before)
    return sorted(map(str, drawn), key=lambda name: -worth[name])


def _worth(order: str, now: Predictions, before: Predictions) -> dict[str, float]:
    if order == "uncertain":
        return {name: each.uncertainty for name, each in now.items()}
    if order == "rare":
        weights = _rarity(now)
        return {
            name: sum(weights[category] * share for category, share in each.presence.items())
            for name, each in now.items()
        }
    return {
        name: max(
            (abs(share - before[name].presence[category]) for category, share in each.presence.items()),
            default=0.0,
        )
        for name, each in now.items()
    }  # fmt: skip


def _rarity(predictions: Predictions) -> dict[str, float]:
    """Weight of each category: one over the share of images that are expected to have it."""
    shares: dict[str, list[float]] = {}
    for each in predictions.values():
        for category, share in each.presence.items():
            shares.setdefault(category, []).append(share)
    inverse = {
        category: 1 / max(sum(found) / len(found), FLOOR) for category, found in shares.items()
    }
    total = sum(inverse.values())
    return {category: weight / total for category, weight in inverse.items()}


@dataclass(frozen=True)
class Annotators:
    """Who labels in a study: one person for each seed."""

    views: Views
    times: TimeModel
    mistakes: Mistakes
    _said: dict[tuple[int, str, str], WeakLabel] = field(default_factory=dict)

    def label(
        self, kind: str, seed: int, images: Iterable[str], given: Sequence[WeakLabel], budget: float
    ) -> list[WeakLabel]:
        """Labels that take no longer than a budget, which earlier ones have begun to use.

        Args:
            kind: of label.
            seed: the person's.
            images: those that are left, the first first.
            given: labels that are there already.
            budget: seconds, those of the given labels among them.

        Raises:
            BadInput: not even one image fits.
        """
        if kind == SWEEPS:
            return self._swept(seed, list(images), budget)
        labels = list(given)
        left = round(1000 * budget) - sum(label.active_ms for label in labels)
        for name in images:
            label = self._answer(kind, seed, name)
            if label.active_ms > left:
                break
            left -= label.active_ms
            labels.append(label)
        if not labels:
            raise BadInput(f"budgets: {budget:g} seconds are too few to label one image ({kind})")
        return labels

    def _answer(self, kind: str, seed: int, name: str) -> WeakLabel:
        key = (seed, kind, name)
        if key not in self._said:
            view = self._view(name)
            answer = self._person(seed).answer(view, Question.of_kind(kind, self.views.categories))
            self._said[key] = answer.weak_label(view, ANNOTATOR)
        return self._said[key]

    def _person(self, seed: int) -> Person:
        return Person(0, self.times, self.mistakes, seed)

    def _view(self, name: str) -> View:
        view = self.views.of(name)
        if view is None:
            raise BadInput(f"image {name!r} has no mask")
        return view

    def _swept(self, seed: int, names: Sequence[str], budget: float) -> list[WeakLabel]:
        """Page by page, every category of each, from the first on: the same again up to any budget."""
        person, question = self._person(seed), Question(self.views.categories)
        left = round(1000 * budget)
        found: dict[str, _Swept] = {}
        for start in range(0, len(names), PAGE):
            views = [self._view(name) for name in names[start : start + PAGE]]
            for category in question.categories:
                answers, clock = person.sweep(views, category, question, f"{category}-{start}")
                if clock.active_ms > left:
                    return self._collected(found, budget)
                left -= clock.active_ms
                for index, (view, said) in enumerate(zip(views, answers, strict=True)):
                    swept = found.setdefault(view.name, _Swept(view))
                    swept.add(category, said, _part(clock.active_ms, len(views), index))
        return self._collected(found, budget)

    def _collected(self, found: Mapping[str, "_Swept"], budget: float) -> list[WeakLabel]:
        if not found:
            raise BadInput(f"budgets: {budget:g} seconds are too few for a page of a sweep")
        return [swept.label() for swept in found.values()]


def _part(total: int, parts: int, index: int) -> int:
    """One of so many whole parts that sum up to the total."""
    return total // parts + (index < total % parts)


class _Swept:
    """What sweeps have said of one image so far."""

    def __init__(self, view: View) -> None:
        self._name = view.name
        self._size = view.mask.shape
        self._present: list[str] = []
        self._absent: list[str] = []
        self._active_ms = 0

    def add(self, category: str, answer: int, active_ms: int) -> None:
        """One answer more."""
        if answer == PRESENT:
            self._present.append(category)
        elif answer == ABSENT:
            self._absent.append(category)
        self._active_ms += active_ms

    def label(self) -> WeakLabel:
        """As a line of a label file."""
        height, width = self._size
        return WeakLabel(
            image=self._name,
            width=width,
            height=height,
            present=tuple(self._present),
            absent=tuple(self._absent),
            active_ms=self._active_ms,
            wall_ms=self._active_ms,
            annotator=ANNOTATOR,
        )


def parse_predictions(lines: Iterable[str]) -> Predictions:
    """By image, of the lines of a `predictions.jsonl`."""
    found = (ImagePrediction.model_validate(json.loads(line)) for line in lines if line.strip())
    return {each.image: each for each in found}
