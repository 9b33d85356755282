"""Losses on single pixels: dense masks of the source, clicked points of the target.

Shapes: `B` image, `C` category, `H W` pixel or feature grid, `P` point.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.method.losses.mean import mean_of

VOID = -1
ABSENT_SHARE = 1e-3
"""How much of its probability an absent category keeps: tags miss tiny objects."""
RAREST = 1e-6
POINT_REACH = 1
"""Pixels around a clicked one that surely belong to the same category."""


def resize_logits(logits_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits at (height, width), bilinear between pixel centres."""
    return F.interpolate(logits_BCHW, size, mode="bilinear", align_corners=False)


def thinned_size(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """(height, width) of what `thinned` makes of masks of a size."""
    height, width = size
    return max(height // stride, 1), max(width // stride, 1)


def thinned(masks_BHW: Tensor, stride: int) -> Tensor:
    """Every `stride`-th row and column of masks: the pixels at the centres of equal cells."""
    if stride == 1:
        return masks_BHW
    height, width = masks_BHW.shape[-2:]
    cells = thinned_size((height, width), stride)
    rows, columns = (
        ((torch.arange(count, device=masks_BHW.device) + 0.5) * side / count).long()
        for count, side in zip(cells, (height, width), strict=True)
    )
    return masks_BHW[:, rows[:, None], columns]


def adjusted_logits(logits_BCHW: Tensor, frequencies_C: Tensor, strength: float) -> Tensor:
    """Logits plus `strength` times the logarithm of how frequent each category is.

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, eq. 10. A category that
    never occurs counts as one with `RAREST` of the pixels.
    """
    log_C = frequencies_C.clamp(min=RAREST).log().to(logits_BCHW.dtype)
    return logits_BCHW + strength * log_C[:, None, None]


def mask_loss(logits_BCHW: Tensor, masks_BHW: Tensor) -> Tensor:
    """Cross-entropy against dense masks of the logits' size; void pixels do not count.

    0 when every pixel is void.
    """
    loss = F.cross_entropy(logits_BCHW, masks_BHW, ignore_index=VOID, reduction="sum")
    return mean_of(loss, (masks_BHW != VOID).sum())


def point_loss(logits_BCHW: Tensor, points_P4: Tensor) -> Tensor:
    """Mean cross-entropy at points; 0 without points.

    A point is (image in the batch, category, x, y) with x and y as fractions of width and height.
    Sampling the coarse logits bilinearly there is what resizing all of them to the image and
    reading one pixel would give.
    """
    logits_PC = sample_logits(logits_BCHW, points_P4)
    loss = F.cross_entropy(logits_PC, points_P4[:, 1].long(), reduction="sum")
    return mean_of(loss, loss.new_full((), len(points_P4)))


def sample_logits(logits_BCHW: Tensor, points_P4: Tensor) -> Tensor:
    """(P, C) logits at points, bilinear between the grid's pixel centres, clamped at the border."""
    height, width = logits_BCHW.shape[-2:]
    image_P = points_P4[:, 0].long()
    x_P = (points_P4[:, 2] * width - 0.5).clamp(0, width - 1)
    y_P = (points_P4[:, 3] * height - 0.5).clamp(0, height - 1)
    left_P, top_P = x_P.floor().long(), y_P.floor().long()
    right_P, bottom_P = (left_P + 1).clamp(max=width - 1), (top_P + 1).clamp(max=height - 1)
    to_right_P, down_P = (x_P - left_P)[:, None], (y_P - top_P)[:, None]

    def logits_at(rows_P: Tensor, columns_P: Tensor) -> Tensor:
        return logits_BCHW[image_P, :, rows_P, columns_P]

    above_PC = torch.lerp(logits_at(top_P, left_P), logits_at(top_P, right_P), to_right_P)
    below_PC = torch.lerp(logits_at(bottom_P, left_P), logits_at(bottom_P, right_P), to_right_P)
    return torch.lerp(above_PC, below_PC, down_P)


def predicted_masks(
    logits_BCHW: Tensor, absent_BCHW: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """A teacher's masks at (height, width) = `size`.

    p'_c is proportional to p_c, times `ABSENT_SHARE` where c is known to be absent.

    Args:
        logits_BCHW: the teacher's logits.
        absent_BCHW: 1 where a category is known not to be; broadcasts to the logits.

    Returns:
        Categories (B, height, width) and how sure they are (B, height, width), 0 to 1.
    """
    corrected_BCHW = logits_BCHW + absent_BCHW * math.log(ABSENT_SHARE)
    sureness_BHW, masks_BHW = resize_logits(corrected_BCHW, size).softmax(1).max(1)
    return masks_BHW, sureness_BHW


def pseudo_masks(
    logits_BCHW: Tensor, absent_BCHW: Tensor, points_P4: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """`predicted_masks`, corrected by points: the pixels at a point have its category.

    An image without points would only be told what the teacher already believes, so its sureness
    is 0. `points_P4` are as for `point_loss`.
    """
    masks_BHW, sureness_BHW = predicted_masks(logits_BCHW, absent_BCHW, size)
    height, width = size
    reach = torch.arange(-POINT_REACH, POINT_REACH + 1, device=points_P4.device)
    rows_P = ((points_P4[:, 3] * height).long()[:, None] + reach).clamp(0, height - 1)
    columns_P = ((points_P4[:, 2] * width).long()[:, None] + reach).clamp(0, width - 1)
    at = (points_P4[:, 0].long()[:, None, None], rows_P[:, :, None], columns_P[:, None, :])
    category_P = points_P4[:, 1].long()[:, None, None].expand(-1, len(reach), len(reach))
    masks_BHW = masks_BHW.index_put(at, category_P)
    sureness_BHW = sureness_BHW.index_put(at, sureness_BHW.new_ones(()))
    has_points_B = sureness_BHW.new_zeros(len(logits_BCHW)).index_fill(0, at[0].flatten(), 1)
    return masks_BHW, sureness_BHW * has_points_B[:, None, None]


def self_training_loss(logits_BCHW: Tensor, masks_BHW: Tensor, sureness_BHW: Tensor) -> Tensor:
    """Mean over pixels of the cross-entropy against pseudo masks, times how sure each is."""
    loss_BHW = F.cross_entropy(logits_BCHW, masks_BHW, reduction="none")
    return mean_of((loss_BHW * sureness_BHW).sum(), loss_BHW.new_full((), loss_BHW.numel()))
