"""A loss on dense masks that counts categories alike, however few pixels they have.

Shapes: `B` image, `C` category, `H W` pixel, `N` pixels of an image.
"""

import torch
from torch import Tensor

from trainer.method.losses.mean import masked_mean
from trainer.method.losses.pixels import VOID


def overlap_loss(logits_BCHW: Tensor, masks_BHW: Tensor) -> Tensor:
    """Lovász-softmax: a surrogate of 1 - IoU, mean over the categories of each image.

    Berman, Rannen Triki, Blaschko: "The Lovász-Softmax loss", CVPR 2018, eq. 9 and algorithm 1, of
    each image by itself, so that the mean is the same however a batch is spread over processes.
    Void pixels do not count; 0 when every pixel is void.

    Args:
        logits_BCHW: of the masks' size.
        masks_BHW: int64 category indices, -1 for void.
    """
    known_B1N = (masks_BHW != VOID).flatten(1)[:, None]
    # Compared rather than `one_hot`, which looks at the values and so waits for the device.
    categories_C1 = torch.arange(logits_BCHW.shape[1], device=masks_BHW.device)[:, None]
    truth_BCN = (masks_BHW.flatten(1)[:, None] == categories_C1).to(logits_BCHW.dtype)
    # Where nothing is known there is no error, and without an error a pixel's place is the last.
    errors_BCN = (truth_BCN - logits_BCHW.softmax(1).flatten(2)).abs() * known_B1N
    errors_BCN, order_BCN = errors_BCN.sort(dim=-1, descending=True)
    steps_BCN = _jaccard_steps(truth_BCN.gather(-1, order_BCN))
    return masked_mean((errors_BCN * steps_BCN).sum(-1), truth_BCN.any(-1))


def _jaccard_steps(truth_BCN: Tensor) -> Tensor:
    """By how much 1 - IoU grows with each further pixel that is wrong, in this order."""
    total_BC1 = truth_BCN.sum(-1, keepdim=True)
    left_BCN = total_BC1 - truth_BCN.cumsum(-1)
    union_BCN = total_BC1 + (1 - truth_BCN).cumsum(-1)
    return torch.diff(1 - left_BCN / union_BCN, dim=-1, prepend=torch.zeros_like(total_BC1))
