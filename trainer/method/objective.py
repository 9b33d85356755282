"""What the segmenter learns from a batch of each domain: the terms of `trainer.method.terms`.

`O` logits, `F` features, `Z` pooled features; `_s` the source, `_t` the target, as in the paper.
Shapes: `B` image, `C` category, `E` feature channel, `G` region (`trainer.method.losses.regions`).
"""

from torch import Tensor

from trainer.contract import TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.method.discrimination import DiscriminatorInput, Discriminators, Losses
from trainer.method.losses.pixels import resize_logits
from trainer.method.losses.presence import pseudo_presence, smooth_maximum
from trainer.method.losses.regions import region_pool, region_presence
from trainer.method.terms import (
    SOURCE_TERMS,
    TARGET_TERMS,
    Segment,
    SourceOutputs,
    TargetOutputs,
    segmented,
    size_of,
    term_weights,
)
from trainer.models.heads import Segmentation

SMALLEST_SHOWN = 32
"""Pixels of a side that the five halvings of the output discriminator need."""


class Objective:
    """The terms of one run's loss."""

    def __init__(self, config: TrainConfig, discriminators: Discriminators) -> None:
        self.config = config
        self.weights = term_weights(config)
        self._discriminators = discriminators
        self._source_terms = [term for term in SOURCE_TERMS if term.name in self.weights]
        self._target_terms = [term for term in TARGET_TERMS if term.name in self.weights]

    def on_source(
        self, segment: Segment, batch: SourceBatch, *, show: bool
    ) -> tuple[Losses, DiscriminatorInput | None]:
        """Terms of the source domain, and what the discriminators look at where `show`."""
        segmentation = segmented(segment, batch)
        presence_BGC = region_presence(batch.presence, batch.tile_presence)
        outputs = SourceOutputs(self.config, batch, segmentation, presence_BGC)
        losses = {term.name: term.loss(outputs) for term in self._source_terms}
        if not show:
            return losses, None
        detached = Segmentation(*(tensor.detach() for tensor in segmentation))
        return losses, self._discriminator_input(detached, detached, batch, presence_BGC)

    def on_target(
        self,
        segment: Segment,
        batch: TargetBatch,
        *,
        teacher: Segment,
        source: SourceBatch | None,
    ) -> tuple[Losses, DiscriminatorInput | None]:
        """Terms of the target domain, and what the discriminators look at if there are any.

        Args:
            segment: the segmenter.
            batch: of the target.
            teacher: what self-training and ClassMix learn from.
            source: the source's batch of the same step, if it has one.
        """
        segmentation = segmented(segment, batch)
        whole = segmentation if batch.whole is None else segment(batch.whole)
        presence_BGC = self._target_presence(whole, batch)
        seen = None
        if len(self._discriminators):
            seen = self._discriminator_input(segmentation, whole, batch, presence_BGC)
        outputs = TargetOutputs(
            config=self.config,
            batch=batch,
            segmentation=segmentation,
            whole=whole,
            presence=presence_BGC,
            segment=segment,
            teacher=teacher,
            source=source,
            discriminators=self._discriminators,
            discriminator_input=seen,
        )
        losses = {term.name: term.loss(outputs) for term in self._target_terms}
        return losses, seen and seen.detach()

    def _discriminator_input(
        self,
        segmentation: Segmentation,
        whole: Segmentation,
        batch: SourceBatch | TargetBatch,
        presence_BGC: Tensor,
    ) -> DiscriminatorInput:
        scale = self.config.output_alignment_scale
        sides = (round(scale * side) for side in size_of(batch.images))
        height, width = (max(side, SMALLEST_SHOWN) for side in sides)
        return DiscriminatorInput(
            resize_logits(segmentation.logits, (height, width)).softmax(1),
            region_pool(whole.logits, whole.features, batch.tile_presence),
            presence_BGC,
        )

    def _target_presence(self, whole: Segmentation, batch: TargetBatch) -> Tensor:
        if not self.config.makes_labels_online:
            return region_presence(batch.presence, batch.tile_presence)
        scores = smooth_maximum(whole.logits, self.config.smooth_max)
        return pseudo_presence(scores, self.config.pseudo_threshold)[:, None]
