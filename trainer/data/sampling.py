"""Which images batch n takes: always the same ones for a seed, so a run resumes anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SOURCE_ORDER, LABELLED_ORDER, UNLABELLED_ORDER = 1, 3, 5
"""Streams of random numbers, beside those of `trainer.data.batches`."""

Indices = NDArray[np.int64]


class Order(Protocol):
    """Chooses images by position, where batch n of size B has positions n B to (n + 1) B - 1."""

    def __call__(self, positions: Indices) -> Indices:
        """The index of the image at each position."""


@dataclass(frozen=True)
class Epochs:
    """Shuffled epochs, one after another: every image once in each."""

    count: int
    seed: tuple[int, ...]

    def __call__(self, positions: Indices) -> Indices:
        """The index of the image at each position."""
        epochs = positions // self.count
        orders = {
            epoch: np.random.default_rng([*self.seed, epoch]).permutation(self.count)
            for epoch in np.unique(epochs)
        }
        return np.array([orders[e][p % self.count] for e, p in zip(epochs, positions, strict=True)])


class RareCategories:
    """Rare-category sampling: draw a category, then an image in which it is present.

    P(c) is proportional to exp((1 - f_c) / T), with f_c how frequent category c is (Hoyer et al.,
    "DAFormer", CVPR 2022, Eq. 8). A category that is present nowhere is never drawn.

    Args:
        present_NC: which categories are present in each image.
        frequency_C: f_c, in 0 to 1.
        temperature: T; the lower, the more often rare categories are drawn.
        seed: decides all draws.

    Raises:
        ValueError: no category is present anywhere.
    """

    def __init__(
        self,
        present_NC: NDArray[np.bool_],
        frequency_C: NDArray[np.float64],
        temperature: float,
        seed: tuple[int, ...],
    ) -> None:
        exists_C = np.asarray(present_NC.any(0))
        self.probabilities = rare_category_probabilities(frequency_C, temperature, exists_C)
        self._images = [np.flatnonzero(column) for column in present_NC.T]
        self._seed = seed

    def __call__(self, positions: Indices) -> Indices:
        """The index of the image at each position."""
        return np.array([self._draw(int(position)) for position in positions])

    def _draw(self, position: int) -> int:
        random = np.random.default_rng([*self._seed, position])
        category = random.choice(len(self.probabilities), p=self.probabilities)
        return int(random.choice(self._images[category]))


def rare_category_probabilities(
    frequency_C: NDArray[np.float64], temperature: float, exists_C: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(C,) probability of each category that exists: softmax of (1 - f_c) / T."""
    if not exists_C.any():
        raise ValueError("no category is present in any image")
    scores = np.where(exists_C, (1 - frequency_C) / temperature, -np.inf)
    weights = np.exp(scores - scores.max())
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def positions_of(number: int, size: int, part: tuple[int, int] = (0, 1)) -> Indices:
    """The positions of batch `number`, or of one part of it.

    Args:
        number: from 0.
        size: images in the whole batch.
        part: (p, n): the p-th of n parts, which takes every n-th position.
    """
    which, parts = part
    return np.arange(number * size + which, (number + 1) * size, parts)


@dataclass(frozen=True)
class Mixed:
    """Every batch takes the same share of each group: its first images of the first, and so on.

    `groups` are (indices of images, order among them, images in a batch).
    """

    batch_size: int
    groups: Sequence[tuple[Indices, Order, int]]

    def __call__(self, positions: Indices) -> Indices:
        """The index of the image at each position."""
        batches, places = positions // self.batch_size, positions % self.batch_size
        chosen = np.empty(len(positions), np.int64)
        first = 0
        for members, order, size in self.groups:
            of_group = (places >= first) & (places < first + size)
            within = batches[of_group] * size + places[of_group] - first
            if len(within):
                chosen[of_group] = members[order(within)]
            first += size
        return chosen


def half_labelled(
    labelled_N: NDArray[np.bool_], batch_size: int, seed: int, among_labelled: Order | None = None
) -> Mixed:
    """Batches of which at least half is labelled, as long as any image is.

    A few labels among many images would else hardly be seen.

    Args:
        labelled_N: which images are labelled.
        batch_size: images in a batch.
        seed: decides the epochs of either group.
        among_labelled: order among the labelled images; None: shuffled epochs.
    """
    labelled, unlabelled = np.flatnonzero(labelled_N), np.flatnonzero(~labelled_N)
    share = max(round(batch_size * labelled_N.mean()), (batch_size + 1) // 2)
    if not len(labelled) or not len(unlabelled):
        share = batch_size if len(labelled) else 0
    of_labelled = among_labelled or Epochs(len(labelled), (seed, LABELLED_ORDER))
    of_unlabelled = Epochs(len(unlabelled), (seed, UNLABELLED_ORDER))
    return Mixed(
        batch_size,
        ((labelled, of_labelled, share), (unlabelled, of_unlabelled, batch_size - share)),
    )
