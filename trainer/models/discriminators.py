"""What tells source from target: one network on the output, one small network per category.

Shapes: `C` category, `E` feature channel, `K` hidden unit, `N` pooled feature of a category.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class OutputDiscriminator(nn.Sequential):
    """D_out: five 4x4 convolutions of stride 2 on the softmax of the resized logits.

    Channels are C, w, 2w, 4w, 8w, 1; the paper has w = 64.
    """

    def __init__(self, categories: int, width: int = 64) -> None:
        channels = (categories, width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(channels[-1], 1, 4, stride=2, padding=1))


class CategoryDiscriminators(nn.Module):
    """D_cat: C independent networks E -> K -> K -> 1, computed together.

    With `projection` P the features first go through one linear map E -> P that the categories
    share, and the networks are P -> K -> K -> 1: with E = 2048 most weights are in the first layer.
    """

    def __init__(
        self, categories: int, features: int, hidden: int = 2048, projection: int | None = None
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(features, projection) if projection else nn.Identity()
        widths = (projection or features, hidden, hidden, 1)
        self.weights = nn.ParameterList(
            torch.empty(categories, before, after) for before, after in pairwise(widths)
        )
        self.biases = nn.ParameterList(torch.empty(categories, 1, after) for after in widths[1:])
        self._reset()

    def _reset(self) -> None:
        for weight, bias in zip(self.weights, self.biases, strict=True):
            bound = weight.shape[1] ** -0.5
            nn.init.uniform_(weight, -bound, bound)
            nn.init.uniform_(bias, -bound, bound)

    def forward(self, pooled: Tensor) -> Tensor:
        """Domain logits (..., C) of the pooled features (..., C, E) of each category."""
        hidden_CNK = self.projection(pooled).flatten(0, -3).transpose(0, 1)
        layers = list(zip(self.weights, self.biases, strict=True))
        for weight, bias in layers[:-1]:
            hidden_CNK = F.relu(torch.baddbmm(bias, hidden_CNK, weight))
        weight, bias = layers[-1]
        logits_CN = torch.baddbmm(bias, hidden_CNK, weight).squeeze(-1)
        return logits_CN.transpose(0, 1).reshape(pooled.shape[:-1])
