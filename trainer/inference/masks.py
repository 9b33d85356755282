"""Logits to masks: the largest logit of each pixel, at any size.

Shapes: `B` image, `C` category, `h w` logits, `r c` cells between them, `N` some of these, `K`
contender, `R S` rows and columns of pixels in a cell.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.method.losses.pixels import resize_logits

ROUNDING = 1e-5
"""Of the largest logit: far more than interpolation in single precision can be off."""
WORTH_IT = 2
"""Pixels of a cell along each side from which on looking at cells first is the faster way."""
AT_ONCE = 1 << 16
"""Pixels that are interpolated together, so that they stay in a core's cache."""
ROWS_OF_STRIP = 32

Floats = NDArray[np.float32]


def predicted_categories(logits_BChw: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, height, width) uint8 category of the largest logit, bilinear between pixel centres.

    Args:
        logits_BChw: on any device, which is not waited for.
        size: (width, height).
    """
    width, height = size
    grid_height, grid_width = logits_BChw.shape[-2:]
    on_cpu = logits_BChw.device.type == "cpu"
    if on_cpu and height >= WORTH_IT * grid_height and width >= WORTH_IT * grid_width:
        grids = logits_BChw.detach().float().contiguous().numpy()
        return torch.from_numpy(
            np.stack([_mask(logits_Chw, width, height) for logits_Chw in grids])
        )
    tall = resize_logits(logits_BChw, (height, grid_width))
    # On a CPU by strips that stay in its cache: at 2048 x 1024 that takes half the time.
    strips = torch.split(tall, ROWS_OF_STRIP if on_cpu else height, dim=2)
    # `max`, because on a CPU `argmax` over channels can be ten times slower.
    masks = [resize_logits(s, (s.shape[2], width)).max(1).indices.to(torch.uint8) for s in strips]
    return torch.cat(masks, 1)


def _mask(logits_Chw: Floats, width: int, height: int) -> NDArray[np.uint8]:
    """Only where several categories can win is anything interpolated.

    Between four neighbours of the logits' grid every logit is a mean of its four values, with the
    same weights for all categories. One that another exceeds at all four of them is exceeded by it
    everywhere between them: it is no contender there. Most cells have a single contender.
    """
    tolerance = np.float32(ROUNDING * np.abs(logits_Chw).max())
    rows, columns = _Axis.of(height, logits_Chw.shape[1]), _Axis.of(width, logits_Chw.shape[2])
    largest_hw, winner_hw = logits_Chw.max(0), logits_Chw.argmax(0)
    clear_hw = (logits_Chw + tolerance >= largest_hw).sum(0) == 1
    cells_rc = rows.cells[:, None], columns.cells
    winners_4rc = _corners(winner_hw, *cells_rc)
    settled_rc = (winners_4rc == winners_4rc[0]).all(0) & _corners(clear_hw, *cells_rc).all(0)
    of_cells = winners_4rc[0].astype(np.uint8)
    mask: NDArray[np.uint8] = of_cells.repeat(columns.counts, 1).repeat(rows.counts, 0)

    at_row, at_column = np.nonzero(~settled_rc)
    corners_4CN = _corners(logits_Chw, rows.cells[at_row], columns.cells[at_column])
    contenders_CN = _contenders(corners_4CN, winners_4rc[:, ~settled_rc], tolerance)
    # Most contenders first: those with more than k of them are then the first ones.
    order = np.argsort(-contenders_CN.sum(0), kind="stable")
    together = max(AT_ONCE // (rows.most * columns.most), 1)
    for start in range(0, len(order), together):
        cells = order[start : start + together]
        blocks = _blocks(
            corners_4CN[:, :, cells],
            contenders_CN[:, cells],
            rows.weights[at_row[cells]],
            columns.weights[at_column[cells]].swapaxes(1, 2),
        )
        for row, column, block in zip(at_row[cells], at_column[cells], blocks, strict=True):
            top, left = rows.starts[row], columns.starts[column]
            tall, wide = rows.counts[row], columns.counts[column]
            mask[top : top + tall, left : left + wide] = block[:tall, :wide]
    return mask


@dataclass(frozen=True)
class _Axis:
    """How pixels along one axis lie between the logits' centres; a cell is what lies between two."""

    cells: NDArray[np.intp]
    """Of those cells in which there are pixels, the centre before; -1 is before the first."""
    starts: list[int]
    counts: list[int]
    weights: Floats
    """(cells, most, 2) of the centres before and behind at each pixel, together 1.

    `most` is how many pixels the longest cell has; what a shorter one has beyond its own is void.
    """

    @property
    def most(self) -> int:
        return int(self.weights.shape[1])

    @classmethod
    def of(cls, pixels: int, centres: int) -> "_Axis":
        place = (np.arange(pixels) + 0.5) * (centres / pixels) - 0.5
        before = np.floor(place).astype(np.intp)
        cells, starts, counts = np.unique(before, return_index=True, return_counts=True)
        inside = np.arange(counts.max())
        at = np.minimum(starts[:, None] + inside, pixels - 1)
        behind = place[at] - cells[:, None]
        weights = np.stack([1 - behind, behind], -1).astype(np.float32)
        return cls(cells, starts.tolist(), counts.tolist(), weights)


def _corners(
    grid_hw: NDArray[Any], row: NDArray[np.intp], column: NDArray[np.intp]
) -> NDArray[Any]:
    """(4, ...) values above left, above right, below left and below right of cells.

    Outside of the grid's outermost centres its values go on as they are.
    """
    height, width = grid_hw.shape[-2:]
    above, below = row.clip(0), (row + 1).clip(0, height - 1)
    left, right = column.clip(0), (column + 1).clip(0, width - 1)
    return np.stack([grid_hw[..., y, x] for y in (above, below) for x in (left, right)])


def _contenders(
    corners_4CN: Floats, winners_4N: NDArray[np.intp], tolerance: np.float32
) -> NDArray[np.bool_]:
    """(C, N) which categories may have the largest logit somewhere in each cell, at least one."""
    raised_4CN = corners_4CN + tolerance
    contenders_CN = np.ones(corners_4CN.shape[1:], np.bool_)
    for winner_N in winners_4N:
        of_winner_4N = np.take_along_axis(corners_4CN, winner_N[None, None], 1)
        contenders_CN &= (raised_4CN >= of_winner_4N).any(0)
    return contenders_CN


def _blocks(
    corners_4CN: Floats, contenders_CN: NDArray[np.bool_], down_NR2: Floats, across_N2S: Floats
) -> NDArray[np.uint8]:
    """(N, R, S) category of the largest logit of the contenders in each cell.

    Cells are in the order of their number of contenders, most first.
    """
    counts_N = contenders_CN.sum(0)
    order_KN = np.argsort(~contenders_CN, axis=0, kind="stable")[: counts_N[0]]
    shape = (len(counts_N), down_NR2.shape[1], across_N2S.shape[2])
    largest, winner = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.uint8)
    logit, larger = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    for number, category_N in enumerate(order_KN):
        cells = slice(int((counts_N > number).sum()))
        corners_4N = corners_4CN[:, category_N[cells], np.arange(cells.stop)]
        corners_N22 = corners_4N.T.reshape(-1, 2, 2)
        np.matmul(down_NR2[cells] @ corners_N22, across_N2S[cells], out=logit[cells])
        np.greater(logit[cells], largest[cells], out=larger[cells])
        np.maximum(logit[cells], largest[cells], out=largest[cells])
        # Categories come in rising order, so one that is larger has the larger number too. Where
        # two are equal the first remains, as everywhere.
        category = category_N[cells, None, None].astype(np.uint8)
        np.maximum(winner[cells], larger[cells] * category, out=winner[cells])
    return winner
