"""Losses that align the domains. Domain labels: source 0, target 1.

Shapes: `B` image, `C` category, `E` feature channel, `H W` feature grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SOURCE, TARGET = 0.0, 1.0


def category_pool(logits_BCHW: Tensor, features_BEHW: Tensor) -> Tensor:
    """Eq. 3 (catpool): the attention-pooled feature of each category, (B, C, E).

    The attention is the softmax of the logits over pixels; no gradient flows through it.
    """
    attention_BCN = logits_BCHW.detach().flatten(2).softmax(-1)
    return torch.einsum("bcn,ben->bce", attention_BCN, features_BEHW.flatten(2))


def domain_loss(domain_logits: Tensor, domain: float) -> Tensor:
    """Binary cross-entropy of a discriminator's logits of any shape against one domain."""
    return F.binary_cross_entropy_with_logits(domain_logits, torch.full_like(domain_logits, domain))


def category_domain_loss(domain_logits_BC: Tensor, domain: float, presence_BC: Tensor) -> Tensor:
    """Eq. 4-6: only present categories count; mean over them, then over images.

    An image without a present category gives 0.
    """
    present_BC = presence_BC == 1
    loss_BC = F.binary_cross_entropy_with_logits(
        domain_logits_BC, torch.full_like(domain_logits_BC, domain), reduction="none"
    )
    loss_B = loss_BC.where(present_BC, 0).sum(1) / present_BC.sum(1).clamp(min=1)
    return loss_B.mean()
