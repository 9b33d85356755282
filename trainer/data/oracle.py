"""Weak labels made from masks, as a perfect annotator would give them: for experiments."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.contract import DatasetCard, WeakLabel
from trainer.data.labels import ABSENT, PRESENT
from trainer.data.marking import Question, choose_pixels
from trainer.data.views import View, Views
from trainer.device.cores import cores_here


def oracle_labels(
    card: DatasetCard, question: Question, *, margin: int = 2, seed: int = 0
) -> list[WeakLabel]:
    """The label of each image: presence by area (`presence_thresholds`), points at random pixels.

    A category is present in a tile when its fraction there is above the threshold that it has for
    images. A present category that is above it in no tile is told of the image alone.

    Args:
        card: a dataset with masks.
        question: each of its categories that the card names is asked of every image, unless all of
            it is void. Points are distinct, fewer where a category has fewer pixels.
        margin: pixels between a point and the border of its region, where that is wide enough.
        seed: decides the points.

    Raises:
        BadInput: naming dataset and file.
    """
    # Masks are read a second time, because those of a large dataset do not fit into memory.
    views = Views([card], question.categories)

    def label_of(number: int, name: str) -> WeakLabel:
        hand = _Exact(margin, np.random.default_rng((seed, number)))
        return _label(views[name], question, hand)

    with ThreadPoolExecutor(cores_here()) as pool:
        return list(pool.map(label_of, range(len(views.names)), views.names))


@dataclass(frozen=True)
class _Exact:
    margin: int
    random: np.random.Generator

    def clicks(self, view: View, index: int, count: int) -> Iterable[tuple[int, int]]:
        return choose_pixels(view.mask == index, count, self.margin, self.random)

    def presses(self, view: View, index: int, shares: NDArray[np.float64]) -> list[int]:
        return [int(tile) for tile in np.flatnonzero(shares[index] > view.thresholds[index])]


def _label(view: View, question: Question, hand: _Exact) -> WeakLabel:
    present, absent = (np.flatnonzero(view.presence == it).tolist() for it in (PRESENT, ABSENT))
    places = question.places(view, {index: index for index in present}, hand)
    height, width = view.mask.shape
    return WeakLabel(
        image=view.name,
        width=width,
        height=height,
        present=tuple(question.categories[index] for index in present),
        absent=tuple(question.categories[index] for index in absent),
        **dict(places),
        annotator="oracle",
    )
