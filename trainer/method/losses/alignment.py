"""Losses that align the domains. Domain labels: source 0, target 1.

Shapes: `B` image, `C` category, `E` feature channel, `H W` feature grid, `N` pair of a category
and a region.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.method.losses.mean import mean_of

SOURCE, TARGET = 0.0, 1.0


def category_pool(logits_BCHW: Tensor, features_BEHW: Tensor) -> Tensor:
    """Eq. 3 (catpool): the attention-pooled feature of each category, (B, C, E).

    The attention is the softmax of the logits over pixels; no gradient flows through it.
    """
    attention_BCN = logits_BCHW.detach().flatten(2).softmax(-1)
    return torch.einsum("bcn,ben->bce", attention_BCN, features_BEHW.flatten(2))


def domain_loss(domain_logits: Tensor, domain: float) -> Tensor:
    """Binary cross-entropy of a discriminator's logits of any shape against one domain."""
    loss = F.binary_cross_entropy_with_logits(
        domain_logits, torch.full_like(domain_logits, domain), reduction="none"
    )
    return mean_of(loss.sum(), loss.new_full((), loss.numel()))


def category_domain_loss(domain_logits_BN: Tensor, domain: float, presence_BN: Tensor) -> Tensor:
    """Eq. 4-6: only what is present counts; mean over it, then over images.

    An image in which nothing is present gives 0.
    """
    present_BN = presence_BN == 1
    loss_BN = F.binary_cross_entropy_with_logits(
        domain_logits_BN, torch.full_like(domain_logits_BN, domain), reduction="none"
    )
    loss_B = loss_BN.where(present_BN, 0).sum(1) / present_BN.sum(1).clamp(min=1)
    return mean_of(loss_B.sum(), loss_B.new_full((), len(loss_B)))
