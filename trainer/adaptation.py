"""One step of training: the segmenter against frozen discriminators, then the discriminators.

`O` logits (B, C, h, w), `F` features (B, E, h, w) and `Z` pooled features (B, C, E) of the
source `_s` and the target `_t`, as in the paper.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.contract import LossWeights, Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.errors import NonFiniteLoss
from trainer.losses.alignment import (
    SOURCE,
    TARGET,
    category_domain_loss,
    category_pool,
    domain_loss,
)
from trainer.losses.pixels import mask_loss, point_loss, resize_logits
from trainer.losses.presence import (
    absent_loss,
    presence_loss,
    pseudo_presence,
    smooth_maximum,
)
from trainer.models.average import WeightAverage
from trainer.models.discriminators import CategoryDiscriminators, OutputDiscriminator
from trainer.models.segmenter import Segmenter
from trainer.schedule import poly

DROPOUT_ORACLE, DROPOUT_PSEUDO = 0.1, 0.3
IMAGE_LABEL_ORACLE, IMAGE_LABEL_PSEUDO = 0.2, 0.01

Losses = dict[str, Tensor]


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients flow through the module without reaching its weights."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


@dataclass(frozen=True)
class OnDomain:
    """What the discriminators are shown of one domain, cut off from the segmenter."""

    probabilities: Tensor
    """(B, C, H, W) softmax of the resized logits."""
    pooled: Tensor
    """(B, C, E)."""
    presence: Tensor
    """(B, C)."""


def term_weights(config: TrainConfig) -> dict[str, float]:
    """Weight of each term of the segmenter's loss; terms that this run does not use are left out."""
    weights: LossWeights = config.weights
    oracle = config.supervision.is_oracle
    image_label = weights.image_label
    if image_label is None:
        image_label = IMAGE_LABEL_ORACLE if oracle else IMAGE_LABEL_PSEUDO
    used = {"source": 1.0, "source_presence": weights.source_presence}
    if config.supervision is not Supervision.SOURCE_ONLY:
        used |= {
            "output_alignment": weights.output_alignment,
            "category_alignment": weights.category_alignment,
            "image_label": image_label,
        }
    if oracle:
        used["absent"] = weights.absent
    if config.supervision is Supervision.POINT:
        used["point"] = weights.point
    return {name: weight for name, weight in used.items() if weight > 0}


class Adaptation:
    """Segmenter, discriminators and their optimizers, moved on by one step at a time."""

    def __init__(self, config: TrainConfig, segmenter: Segmenter, device: torch.device) -> None:
        categories = len(config.categories)
        self.config = config
        self.weights = term_weights(config)
        self.size = (config.height, config.width)
        self.device = device
        self.segmenter = segmenter.to(device).to(memory_format=torch.channels_last)
        self.average = WeightAverage(self.segmenter, config.average_decay)
        self.discriminators = nn.ModuleDict(
            {
                "output": OutputDiscriminator(categories, config.output_discriminator_width),
                "category": CategoryDiscriminators(
                    categories,
                    segmenter.features,
                    config.discriminator_hidden,
                    config.discriminator_projection,
                ),
            }
        ).to(device)
        rate = config.learning_rate
        segmenter.freeze(config.frozen_stages, config.frozen_norms)
        trained = [weight for weight in segmenter.backbone.parameters() if weight.requires_grad]
        self.segmenter_optimizer = torch.optim.AdamW(
            [
                {"params": trained, "lr": rate},
                {
                    "params": segmenter.head.parameters(),
                    "lr": rate * config.head_learning_rate_factor,
                },
            ],
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminators.parameters(),
            lr=config.discriminator_learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self._optimizers = (self.segmenter_optimizer, self.discriminator_optimizer)
        self._base_rates = [[g["lr"] for g in o.param_groups] for o in self._optimizers]

    def step(
        self, number: int, source: SourceBatch, target: TargetBatch | None
    ) -> dict[str, float]:
        """Train on one batch, of the source alone during the warm-up (`target` is None).

        Args:
            number: steps done before this one; with the seed it decides all that is random.

        Returns:
            Each term, before its weight.

        Raises:
            NonFiniteLoss: before any weight is changed.
        """
        torch.manual_seed(self.config.seed * 1_000_003 + number)
        self._set_rates(number)
        try:
            losses = self._compute_gradients(source, target)
        except FloatingPointError as error:
            names = source.names + (target.names if target else ())
            raise NonFiniteLoss(number + 1, str(error), names) from error
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.average.update(self.segmenter, number + 1)
        return {name: loss.item() for name, loss in losses.items()}

    def _compute_gradients(self, source: SourceBatch, target: TargetBatch | None) -> Losses:
        self.segmenter.train()
        with frozen(self.discriminators):
            losses, on_source = self._source_losses(source.to(self.device))
            on_target = None
            _backward(losses, self.weights)
            if target:
                target_losses, on_target = self._target_losses(target.to(self.device))
                _backward(target_losses, self.weights)
                losses |= target_losses
        norm = nn.utils.clip_grad_norm_(self.segmenter.parameters(), self.config.gradient_norm)
        if not norm.isfinite():
            raise FloatingPointError("gradient")
        if on_target and (told_apart := self._discriminator_losses(on_source, on_target)):
            _backward(told_apart, dict.fromkeys(told_apart, 1.0))
            losses |= told_apart
        return losses

    def _source_losses(self, source: SourceBatch) -> tuple[Losses, OnDomain]:
        logits, features = self.segmenter(source.images)
        resized = resize_logits(logits, self.size)
        losses = {"source": mask_loss(resized, source.masks)}
        if "source_presence" in self.weights:
            scores = smooth_maximum(logits, self.config.smooth_max)
            losses["source_presence"] = presence_loss(scores, source.presence)
        return losses, self._show(resized, category_pool(logits, features), source.presence)

    def _target_losses(self, target: TargetBatch) -> tuple[Losses, OnDomain]:
        logits, features = self.segmenter(target.images)
        resized = resize_logits(logits, self.size)
        pooled = category_pool(logits, features)
        presence, dropout = target.presence, DROPOUT_ORACLE
        if self.config.supervision is Supervision.PSEUDO:
            scores = smooth_maximum(logits, self.config.smooth_max)
            presence, dropout = (
                pseudo_presence(scores, self.config.pseudo_threshold),
                DROPOUT_PSEUDO,
            )
        terms: dict[str, Callable[[], Tensor]] = {
            "output_alignment": lambda: domain_loss(
                self.discriminators["output"](resized.softmax(1)), SOURCE
            ),
            "category_alignment": lambda: category_domain_loss(
                self.discriminators["category"](pooled), SOURCE, presence
            ),
            "image_label": lambda: presence_loss(
                smooth_maximum(F.dropout(logits, dropout), self.config.smooth_max), presence
            ),
            "absent": lambda: absent_loss(logits, presence),
            "point": lambda: point_loss(logits, target.points),
        }
        losses = {name: term() for name, term in terms.items() if name in self.weights}
        return losses, self._show(resized, pooled, presence)

    def _show(self, resized: Tensor, pooled: Tensor, presence: Tensor) -> OnDomain:
        return OnDomain(resized.detach().softmax(1), pooled.detach(), presence)

    def _discriminator_losses(self, on_source: OnDomain, on_target: OnDomain) -> Losses:
        losses = {}
        if "output_alignment" in self.weights:
            discriminator = self.discriminators["output"]
            losses["output_discriminator"] = 0.5 * (
                domain_loss(discriminator(on_source.probabilities), SOURCE)
                + domain_loss(discriminator(on_target.probabilities), TARGET)
            )
        if "category_alignment" in self.weights:
            discriminator = self.discriminators["category"]
            losses["category_discriminators"] = 0.5 * (
                category_domain_loss(discriminator(on_source.pooled), SOURCE, on_source.presence)
                + category_domain_loss(discriminator(on_target.pooled), TARGET, on_target.presence)
            )
        return losses

    def _set_rates(self, number: int) -> None:
        factor = poly(number, self.config.warmup_steps + self.config.steps)
        for optimizer, rates in zip(self._optimizers, self._base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor


def _backward(losses: Losses, weights: dict[str, float]) -> None:
    """Gradients of the weighted sum; a sum that is not finite leaves all weights as they are."""
    if bad := [name for name, loss in losses.items() if not loss.isfinite()]:
        raise FloatingPointError(", ".join(bad))
    total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
