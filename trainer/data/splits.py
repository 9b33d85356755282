"""Which labelled images are held out to score a run that has no target masks."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from trainer.contract.labels import HELD_OUT_FROM

SHARE = 0.1
FEWEST_SHOWN = 3
"""Images of a category; of fewer none has to be held out for its sake."""


def held_out(labelled: Collection[str]) -> frozenset[str]:
    """About a tenth of the labelled images, chosen by a hash of their names; none of fewer than 20.

    More labels never move an image to the other side unless the tenth grows, so the scores of
    successive runs of one project speak of nearly the same images.
    """
    if len(labelled) < HELD_OUT_FROM:
        return frozenset()
    return frozenset(by_hash(labelled)[: round(len(labelled) * SHARE)])


def held_out_of_each(presence: Mapping[str, NDArray[np.int8]]) -> frozenset[str]:
    """About a tenth of the labelled images, and of the images of each category; none of fewer than 20.

    Rarest category first, images are taken by a hash of their names until a tenth of those that show
    the category are held out, and at least one of three. The rest is taken by the hash alone.

    Args:
        presence: by image name, (C,) with 1 for a category that is present.
    """
    if len(presence) < HELD_OUT_FROM:
        return frozenset()
    names = by_hash(presence)
    shown_NC = np.stack([presence[name] for name in names]) == 1
    chosen_N = np.zeros(len(names), bool)
    for category in np.argsort(shown_NC.sum(0), kind="stable"):
        _choose(chosen_N, shown_NC[:, category], fewest=1)
    _choose(chosen_N, np.ones_like(chosen_N), fewest=0)
    return frozenset(name for name, chosen in zip(names, chosen_N, strict=True) if chosen)


def _choose(chosen_N: NDArray[np.bool_], among_N: NDArray[np.bool_], fewest: int) -> None:
    """Take further images, first ones first, until enough of some are chosen."""
    count = int(among_N.sum())
    wanted = max(round(count * SHARE), fewest if count >= FEWEST_SHOWN else 0)
    missing = wanted - int((chosen_N & among_N).sum())
    chosen_N[np.flatnonzero(among_N & ~chosen_N)[: max(missing, 0)]] = True


def by_hash(names: Iterable[str]) -> list[str]:
    """Names in an order of no meaning, in which a larger number of first ones has the smaller."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
