"""The discriminators' side of adversarial alignment: what they look at, and their losses.

Shapes: `B` image, `C` category, `E` feature channel, `G` region (`trainer.method.losses.regions`).
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.contract import TrainConfig
from trainer.method.losses.alignment import SOURCE, TARGET, category_domain_loss, domain_loss
from trainer.models.discriminators import CategoryDiscriminators, OutputDiscriminator

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class DiscriminatorInput:
    """What the discriminators look at, of one domain's batch."""

    probabilities: Tensor
    """(B, C, H, W) softmax of the resized logits, at `output_alignment_scale` of the images."""
    pooled: Tensor
    """Z: (B, G, C, E)."""
    presence: Tensor
    """(B, G, C)."""

    def detach(self) -> "DiscriminatorInput":
        """The same, cut off from the segmenter."""
        return DiscriminatorInput(self.probabilities.detach(), self.pooled.detach(), self.presence)


class Discriminators(nn.ModuleDict):
    """D_out and D_cat, each only where its term is among those that are `used`."""

    def __init__(self, config: TrainConfig, used: Collection[str], features: int) -> None:
        categories = len(config.categories)
        parts: dict[str, nn.Module] = {}
        if "output_alignment" in used:
            parts["output"] = OutputDiscriminator(categories, config.output_discriminator_width)
        if "category_alignment" in used:
            parts["category"] = CategoryDiscriminators(
                categories,
                features,
                config.discriminator_hidden,
                config.discriminator_projection,
            )
        super().__init__(parts)

    def forward(self, source: DiscriminatorInput, target: DiscriminatorInput) -> Losses:
        """The discriminators' own losses: how badly they tell source from target."""
        losses = {}
        if "output" in self:
            losses["output_discriminator"] = 0.5 * (
                self.output_loss(source, SOURCE) + self.output_loss(target, TARGET)
            )
        if "category" in self:
            # Both at once: reading the many weights takes longer than computing with them.
            pooled = torch.cat([source.pooled, target.pooled])
            of_source, of_target = self["category"](pooled).split(
                [len(source.pooled), len(target.pooled)]
            )
            losses["category_discriminators"] = 0.5 * (
                _category_loss(of_source, SOURCE, source)
                + _category_loss(of_target, TARGET, target)
            )
        return losses

    def output_loss(self, seen: DiscriminatorInput, domain: float) -> Tensor:
        """Loss of D_out when the images are said to be of `domain`."""
        return domain_loss(self["output"](seen.probabilities), domain)

    def category_loss(self, seen: DiscriminatorInput, domain: float) -> Tensor:
        """Eq. 4-6: loss of D_cat when the images are said to be of `domain`."""
        return _category_loss(self["category"](seen.pooled), domain, seen)


def _category_loss(logits_BGC: Tensor, domain: float, seen: DiscriminatorInput) -> Tensor:
    return category_domain_loss(logits_BGC.flatten(1), domain, seen.presence.flatten(1))
