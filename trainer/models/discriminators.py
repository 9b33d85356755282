"""What tells source from target: one network on the output, one small network per category.

Shapes: `B` image, `C` category, `E` feature channel, `K` hidden unit, `H W` pixel.
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
    """D_cat: C independent networks E -> K -> K -> 1, computed together."""

    def __init__(self, categories: int, features: int, hidden: int = 2048) -> None:
        super().__init__()
        widths = (features, hidden, hidden, 1)
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

    def forward(self, pooled_BCE: Tensor) -> Tensor:
        """Domain logits (B, C) of the pooled features of each category."""
        hidden_CBK = pooled_BCE.transpose(0, 1)
        layers = list(zip(self.weights, self.biases, strict=True))
        for weight, bias in layers[:-1]:
            hidden_CBK = F.relu(torch.baddbmm(bias, hidden_CBK, weight))
        weight, bias = layers[-1]
        return torch.baddbmm(bias, hidden_CBK, weight).squeeze(-1).transpose(0, 1)
