"""Losses on image-level labels. Presence is 1 present, 0 absent, -1 not asked, which never counts.

Shapes: `B` image, `C` category, `H W` pixel or feature grid, `...` any.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.method.losses.mean import masked_mean, mean_of

RAREST_SHARE = 0.01


def smooth_maximum(logits_BCHW: Tensor, sharpness: float = 1.0) -> Tensor:
    """Eq. 1 (gpool): one presence logit per image and category, (B, C).

    `sharpness` is k: large values approach the maximum over pixels, small ones the mean.
    """
    pixels = logits_BCHW.shape[-2] * logits_BCHW.shape[-1]
    pooled_BC = (sharpness * logits_BCHW).flatten(2).logsumexp(-1) - math.log(pixels)
    return pooled_BC / sharpness


def adjusted_scores(scores: Tensor, shares_C: Tensor, strength: float) -> Tensor:
    """Presence logits (..., C) plus `strength` times the log-odds of each category's share of images.

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, eq. 10, of two classes. A
    category of nearly no or nearly all images counts as one of `RAREST_SHARE` or of all others.
    """
    odds_C = shares_C.clamp(RAREST_SHARE, 1 - RAREST_SHARE).logit().to(scores.dtype)
    return scores + strength * odds_C


def presence_loss(scores: Tensor, presence: Tensor) -> Tensor:
    """L_c (Eq. 2): binary cross-entropy over what was asked, of any one shape; 0 when nothing was."""
    loss = F.binary_cross_entropy_with_logits(scores, presence.clamp(min=0), reduction="none")
    return masked_mean(loss, presence >= 0)


def pseudo_presence(scores: Tensor, threshold: float) -> Tensor:
    """Pseudo image-level labels from the current presence logits: 1 above `threshold`, else 0."""
    return (scores.detach().sigmoid() > threshold).to(scores.dtype)


def absent_loss(logits_BCHW: Tensor, absent_BCHW: Tensor) -> Tensor:
    """Negative learning: weighted mean of -log(1 - p_c) over pixels and categories; 0 without any.

    Args:
        logits_BCHW: the segmenter's logits.
        absent_BCHW: 1 where the category is known not to be, 0 elsewhere, fractions for pixels
            that lie partly in a tile; any shape that broadcasts to the logits'.
    """
    if logits_BCHW.shape[1] == 1:  # there is nothing else to predict
        return logits_BCHW.sum() * 0
    absent_BCHW = absent_BCHW.expand_as(logits_BCHW)
    return mean_of((-log_other(logits_BCHW) * absent_BCHW).sum(), absent_BCHW.sum())


def log_other(logits_BCHW: Tensor) -> Tensor:
    """log(1 - p_c) of the softmax, (B, C, H, W), exact also where p_c is near 1; C > 1.

    1 - p_c suffers from cancellation only for the one category that may have p_c > 1/2, the
    largest; there it is summed from the other categories instead.
    """
    total_B1HW = logits_BCHW.logsumexp(1, keepdim=True)
    largest_B1HW = logits_BCHW.argmax(1, keepdim=True)
    itself = torch.zeros_like(logits_BCHW, dtype=torch.bool).scatter_(1, largest_B1HW, True)
    others_B1HW = logits_BCHW.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)
    p_BCHW = (logits_BCHW - total_B1HW).exp().masked_fill(itself, 0)
    return torch.where(itself, others_B1HW - total_B1HW, torch.log1p(-p_BCHW))
