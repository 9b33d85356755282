"""Heads: feature maps of a backbone to logits O and the features F that the classifier is given.

Shapes: `B` image, `C` category, `E` feature channel, `h w` feature grid.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS_A_GROUP = 8


class Segmentation(NamedTuple):
    """What the segmenter says about a batch."""

    logits: Tensor
    """O: (B, C, h, w)."""
    features: Tensor
    """F: (B, E, h, w), which enter the classifier."""


def _group_norm(features: int) -> nn.GroupNorm:
    return nn.GroupNorm(features // CHANNELS_A_GROUP, features)


class FusionHead(nn.Module):
    """Maps of one or more strides, projected to one width and added at the finest of them.

    Norms are per image, so that one domain's statistics never serve the other, a batch may be of
    one image, and training and evaluation compute the same. `features` is a multiple of 8.
    """

    def __init__(self, channels: Sequence[int], features: int, categories: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, features, 1, bias=False), _group_norm(features))
            for width in channels
        )
        self.mix = nn.Sequential(
            nn.Conv2d(features, features, 3, padding=1, groups=features, bias=False),
            nn.Conv2d(features, features, 1, bias=False),
            _group_norm(features),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Conv2d(features, categories, 1)

    def forward(self, maps: list[Tensor]) -> Segmentation:
        """Fuse maps ordered from fine to coarse."""
        size = maps[0].shape[-2:]
        projected = [project(each) for project, each in zip(self.projections, maps, strict=True)]
        fused = sum(
            (F.interpolate(each, size, mode="bilinear") for each in projected[1:]), projected[0]
        )
        features = self.mix(F.relu(fused))
        return Segmentation(self.classifier(features), features)


class DeepLabHead(nn.Module):
    """DeepLab-v2's atrous spatial pyramid: the sum of dilated 3x3 classifiers on the last map.

    Chen et al., "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous
    Convolution, and Fully Connected CRFs", TPAMI 2018, section 3.2. The networks of this method's
    paper declare dilations 6, 12, 18 and 24, but only the first two take effect in them.
    """

    def __init__(self, channels: int, categories: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_branch(channels, categories, each) for each in dilations)

    def forward(self, maps: list[Tensor]) -> Segmentation:
        """Classify the last map, which is F."""
        features = maps[-1]
        logits = [branch(features) for branch in self.branches]
        return Segmentation(sum(logits[1:], logits[0]), features)


def _branch(channels: int, categories: int, dilation: int) -> nn.Conv2d:
    branch = nn.Conv2d(channels, categories, 3, padding=dilation, dilation=dilation)
    nn.init.normal_(branch.weight, std=0.01)
    if branch.bias is not None:
        nn.init.zeros_(branch.bias)
    return branch
