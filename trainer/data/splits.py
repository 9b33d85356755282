"""Which labelled images are held out to score a run that has no target masks."""

import hashlib
from collections.abc import Collection, Iterable

SHARE = 0.1
FEWEST_LABELLED = 20


def held_out(labelled: Collection[str]) -> frozenset[str]:
    """About a tenth of the labelled images, chosen by a hash of their names; none of fewer than 20.

    More labels never move an image to the other side unless the tenth grows, so the scores of
    successive runs of one project speak of nearly the same images.
    """
    if len(labelled) < FEWEST_LABELLED:
        return frozenset()
    return frozenset(by_hash(labelled)[: round(len(labelled) * SHARE)])


def by_hash(names: Iterable[str]) -> list[str]:
    """Names in an order of no meaning, in which a larger number of first ones has the smaller."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
