"""The segmenter G: images to logits O and features F.

Shapes: `B` image, `C` category, `E` feature channel, `H W` pixel, `h w` feature grid at stride 8.
"""

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.models.backbone import CHANNELS, efficientnet_lite0

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
    """Maps of three strides, projected to one width and added at the finest of them.

    Norms are per image, so that one domain's statistics never serve the other, a batch may be of
    one image, and training and evaluation compute the same.
    """

    def __init__(self, channels: tuple[int, ...], features: int, categories: int) -> None:
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


class Segmenter(nn.Module):
    """EfficientNet-Lite0 and a light head. `features` is a multiple of 8."""

    def __init__(self, categories: int, features: int = 128) -> None:
        super().__init__()
        self.backbone = efficientnet_lite0()
        self.head = FusionHead(CHANNELS, features, categories)

    def train(self, mode: bool = True) -> Self:
        """Switch training on or off; the backbone always keeps ImageNet's statistics."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, images_B3HW: Tensor) -> Segmentation:
        """Segment normalised images of any size."""
        maps = self.backbone(images_B3HW.contiguous(memory_format=torch.channels_last))
        segmentation: Segmentation = self.head(maps)
        return segmentation
