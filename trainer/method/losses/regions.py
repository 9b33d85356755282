"""Regions: the whole image, then the tiles of an R x K grid where labels tell of these.

Presence, gpool and catpool are of each region by itself; without tiles they are the paper's. A cell
of the feature grid that lies across a border belongs to both tiles by its share, so any grid goes
with any size.

Shapes: `B` image, `C` category, `E` feature channel, `G` region, `H W` feature grid, `R K` tile.
"""

import torch
from torch import Tensor

from trainer.method.losses.alignment import category_pool
from trainer.method.losses.presence import smooth_maximum


def region_presence(presence_BC: Tensor, tile_presence_BCRK: Tensor | None) -> Tensor:
    """(B, G, C)."""
    presence_BGC = presence_BC[:, None]
    if tile_presence_BCRK is None:
        return presence_BGC
    return torch.cat([presence_BGC, _in_a_row(tile_presence_BCRK)], dim=1)


def region_scores(
    logits_BCHW: Tensor, tile_presence_BCRK: Tensor | None, sharpness: float
) -> Tensor:
    """(B, G, C): gpool (Eq. 1) over each region that presence is known of."""
    scores_BGC = smooth_maximum(logits_BCHW, sharpness)[:, None]
    if tile_presence_BCRK is None:
        return scores_BGC
    scores_BCRK = tile_smooth_maximum(logits_BCHW, _grid(tile_presence_BCRK), sharpness)
    return torch.cat([scores_BGC, _in_a_row(scores_BCRK)], dim=1)


def region_pool(
    logits_BCHW: Tensor, features_BEHW: Tensor, tile_presence_BCRK: Tensor | None
) -> Tensor:
    """Z: (B, G, C, E), catpool (Eq. 3) over each region that presence is known of."""
    pooled_BGCE = category_pool(logits_BCHW, features_BEHW)[:, None]
    if tile_presence_BCRK is None:
        return pooled_BGCE
    pooled_BRKCE = tile_pool(logits_BCHW, features_BEHW, _grid(tile_presence_BCRK))
    return torch.cat([pooled_BGCE, pooled_BRKCE.flatten(1, 2)], dim=1)


def absent_cells(
    presence_BC: Tensor, tile_presence_BCRK: Tensor | None, logits_BCHW: Tensor
) -> Tensor:
    """Where each category is known not to be: (B, C, 1, 1), or (B, C, H, W) with tiles."""
    absent_BCHW = (presence_BC == 0).to(logits_BCHW.dtype)[..., None, None]
    if tile_presence_BCRK is None:
        return absent_BCHW
    absent_BCRK = (tile_presence_BCRK == 0).to(logits_BCHW.dtype)
    return torch.maximum(absent_BCHW, tiles_of_cells(absent_BCRK, _grid(logits_BCHW)))


def _in_a_row(values_BCRK: Tensor) -> Tensor:
    return values_BCRK.flatten(2).transpose(1, 2)


def _grid(cells: Tensor) -> tuple[int, int]:
    return cells.shape[-2], cells.shape[-1]


def tile_shares(cells: int, tiles: int, like: Tensor) -> Tensor:
    """(tiles, cells) share of each cell, along one side, in the mean over each tile; rows sum to 1.

    Args:
        cells: cells of the feature grid along this side.
        tiles: tiles along this side.
        like: its device and type are the result's.
    """
    edges = torch.arange(tiles + 1, device=like.device, dtype=like.dtype) * (cells / tiles)
    starts = torch.arange(cells, device=like.device, dtype=like.dtype)
    ends = torch.minimum(starts + 1, edges[1:, None])
    overlap = (ends - torch.maximum(starts, edges[:-1, None])).clamp(min=0)
    return overlap * (tiles / cells)


def tile_smooth_maximum(logits_BCHW: Tensor, grid: tuple[int, int], sharpness: float) -> Tensor:
    """Eq. 1 (gpool) over each tile of a (rows, columns) grid: (B, C, R, K)."""
    rows, columns = grid
    height, width = logits_BCHW.shape[-2:]
    down_RH = tile_shares(height, rows, logits_BCHW).log()
    across_KW = tile_shares(width, columns, logits_BCHW).log()
    scaled = sharpness * logits_BCHW
    # Row by row, then over rows: the largest tensor is K times the logits, not R * K times.
    pooled_BCHK = (scaled[..., None, :] + across_KW).logsumexp(-1)
    pooled_BCRK = (pooled_BCHK[..., None, :, :] + down_RH[..., None]).logsumexp(-2)
    return pooled_BCRK / sharpness


def tile_pool(logits_BCHW: Tensor, features_BEHW: Tensor, grid: tuple[int, int]) -> Tensor:
    """Eq. 3 (catpool) over each tile of a (rows, columns) grid: (B, R, K, C, E).

    No gradient flows through the attention.
    """
    rows, columns = grid
    height, width = logits_BCHW.shape[-2:]
    down_RH = tile_shares(height, rows, logits_BCHW)
    across_KW = tile_shares(width, columns, logits_BCHW)
    shares_RKHW = down_RH[:, None, :, None] * across_KW[None, :, None, :]
    attention = logits_BCHW.detach()[:, :, None, None] + shares_RKHW.log()
    attention_BCRKN = attention.flatten(-2).softmax(-1)
    return torch.einsum("bcrkn,ben->brkce", attention_BCRKN, features_BEHW.flatten(2))


def tiles_of_cells(values_BCRK: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) mean of the tiles' values over each cell, by the cell's share in each tile."""
    rows, columns = values_BCRK.shape[-2:]
    down_RH = tile_shares(size[0], rows, values_BCRK) * (size[0] / rows)
    across_KW = tile_shares(size[1], columns, values_BCRK) * (size[1] / columns)
    return torch.einsum("bcrk,rh,kw->bchw", values_BCRK, down_RH, across_KW)
