"""Losses on image-level labels. Presence is 1 present, 0 absent, -1 not asked, which never counts.

Shapes: `B` image, `C` category, `H W` feature grid.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def smooth_maximum(logits_BCHW: Tensor, sharpness: float = 1.0) -> Tensor:
    """Eq. 1 (gpool): one presence logit per image and category, (B, C).

    `sharpness` is k: large values approach the maximum over pixels, small ones the mean.
    """
    pixels = logits_BCHW.shape[-2] * logits_BCHW.shape[-1]
    pooled_BC = (sharpness * logits_BCHW).flatten(2).logsumexp(-1) - math.log(pixels)
    return pooled_BC / sharpness


def presence_loss(scores_BC: Tensor, presence_BC: Tensor) -> Tensor:
    """L_c (Eq. 2): binary cross-entropy over the pairs that were asked; 0 when none was."""
    asked_BC = presence_BC >= 0
    loss_BC = F.binary_cross_entropy_with_logits(
        scores_BC, presence_BC.clamp(min=0), reduction="none"
    )
    return loss_BC.where(asked_BC, 0).sum() / asked_BC.sum().clamp(min=1)


def pseudo_presence(scores_BC: Tensor, threshold: float) -> Tensor:
    """Pseudo image-level labels from the current presence logits: 1 above `threshold`, else 0."""
    return (scores_BC.detach().sigmoid() > threshold).to(scores_BC.dtype)


def absent_loss(logits_BCHW: Tensor, presence_BC: Tensor) -> Tensor:
    """Negative learning: mean of -log(1 - p_c) over pixels and absent categories; 0 without any.

    -log(1 - p_c) = softplus(o_c - logsumexp of the other logits), which stays exact near p_c = 1.
    With a single category there is nothing else to predict, so it is 0.
    """
    categories = logits_BCHW.shape[1]
    image_A, category_A = (presence_BC == 0).nonzero(as_tuple=True)
    if categories == 1 or not len(image_A):
        return logits_BCHW.sum() * 0
    logits_ACHW = logits_BCHW[image_A]
    itself_AC = F.one_hot(category_A, categories).bool()
    others_AHW = logits_ACHW.masked_fill(itself_AC[:, :, None, None], -torch.inf).logsumexp(1)
    return F.softplus(logits_ACHW[itself_AC] - others_AHW).mean()
