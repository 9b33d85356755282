"""Which categories a mask contains: image-level labels of the source, for free."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.labels import NOT_ASKED

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


def presence_of(
    fractions_NC: NDArray[np.float64], thresholds_C: NDArray[np.float64], asked_C: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Three-valued presence, of the shape of `fractions_NC`: (N, C), or (C,) of one image.

    Nothing is known of a category that the masks cannot tell of, whose `asked_C` is false, nor of
    any in a mask that is all void.
    """
    known = asked_C & (fractions_NC.sum(-1, keepdims=True) > 0)
    return np.where(known, fractions_NC > thresholds_C, NOT_ASKED).astype(np.int8)


def tile_area_fractions(
    mask: NDArray[np.integer], categories: int, grid: tuple[int, int]
) -> NDArray[np.float64]:
    """(C, R, K) share of each category among the valid pixels of each tile.

    A pixel belongs to the tile of `grid` = (rows, columns) in which its centre is; a tile that is
    all void has 0 everywhere.
    """
    (height, width), (rows, columns) = mask.shape, grid
    down = (np.arange(height) * 2 + 1) * rows // (2 * height)
    across = (np.arange(width) * 2 + 1) * columns // (2 * width)
    # Void pixels count as category 0 of the C + 1 here, and are then left out.
    cells = ((down[:, None] * columns + across) * (categories + 1) + mask + 1).ravel()
    counts = np.bincount(cells, minlength=rows * columns * (categories + 1))
    counts = counts.reshape(rows, columns, categories + 1)[..., 1:].transpose(2, 0, 1)
    fractions: NDArray[np.float64] = counts / np.maximum(counts.sum(0), 1)
    return fractions
