"""ClassMix: half of what a source image shows, put onto a target image.

Olsson, Tranheden, Pinto, Svensson: "ClassMix: Segmentation-Based Data Augmentation for
Semi-Supervised Learning", WACV 2021; from one domain onto the other in Tranheden, Olsson, Pinto,
Svensson: "DACS: Domain Adaptation via Cross-domain Mixed Sampling", WACV 2021. What is pasted has a
true mask, and so a network that confirms itself on the rest cannot forget what is rare.

Shapes: `B` image, `C` category, `E` channel, `H W` pixel, `h w` cell of a map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.batches import SourceBatch, TargetBatch
from trainer.models.segmenter import Begun


def chosen_pixels(masks_BHW: Tensor, categories: int) -> Tensor:
    """(B, H, W) bool: the pixels of half of each mask's categories, of an odd number one more.

    Args:
        masks_BHW: int64 category indices, -1 for void, which is never chosen.
        categories: how many there are.
    """
    categories_C1 = torch.arange(categories, device=masks_BHW.device)[:, None]
    there_BC = (masks_BHW.flatten(1)[:, None] == categories_C1).any(-1)
    # Those that are not there come last.
    order_BC = (torch.rand(there_BC.shape, device=masks_BHW.device) + ~there_BC).argsort(1)
    rank_BC = order_BC.argsort(1)
    chosen_BC = there_BC & (2 * rank_BC < there_BC.sum(1, keepdim=True))
    # A last column for void, which has the index -1.
    chosen_BC = F.pad(chosen_BC, (0, 1))
    return chosen_BC.gather(1, masks_BHW.flatten(1) % (categories + 1)).view_as(masks_BHW)


def mixed(source: SourceBatch, target: TargetBatch, pixels_BHW: Tensor) -> Tensor | Begun:
    """Images of the target with some pixels of the source's, as a segmenter goes on from them.

    Where both are begun the maps are mixed: what frozen stages make of a place they make of its
    surroundings alone, so but for its edge an object's maps are those of the pasted object.

    Args:
        source: of as many images as the target, of one size.
        target: what is pasted onto.
        pixels_BHW: bool, which pixels are the source's.
    """
    if source.begun is None or target.begun is None:
        return torch.where(pixels_BHW[:, None], source.images, target.images)
    shares_B1HW = pixels_BHW[:, None].float()
    return tuple(
        torch.where(F.interpolate(shares_B1HW, ours.shape[-2:], mode="area") > 0.5, ours, theirs)
        for ours, theirs in zip(source.begun, target.begun, strict=True)
    )
