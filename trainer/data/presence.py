"""Which categories a mask contains: image-level labels of the source, for free."""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
SHARE_OF_MEAN = 0.1


def area_fractions(mask: NDArray[np.integer], categories: int) -> NDArray[np.float64]:
    """(C,) share of each category among the pixels that are not void; all 0 when all are void."""
    valid = mask[mask >= 0]
    return np.bincount(valid, minlength=categories) / max(valid.size, 1)


def presence_thresholds(fractions_NC: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) fraction above which a category counts as present.

    The fixed point of: 0.1 times the mean fraction among the images in which the category counts
    as present, so that a few stray pixels do not make a label. A category that is nowhere has 0.
    """
    thresholds = np.zeros(fractions_NC.shape[1])
    for _ in range(ROUNDS):
        present = fractions_NC > thresholds
        total = np.where(present, fractions_NC, 0).sum(0)
        thresholds = SHARE_OF_MEAN * total / np.maximum(present.sum(0), 1)
    return thresholds
