"""The segmenter's loss as two tables: a term is a row.

A new term is its formula in `trainer.method.losses`, its row here and its weight in
`trainer.contract.config.LossWeights`; the objective, the ablations of `trainer bench` and the
progress lines of a run read the tables.

Shapes: `B` image, `C` category, `G` region (`trainer.method.losses.regions`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.contract import Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.method.class_mix import chosen_pixels, mixed
from trainer.method.discrimination import DiscriminatorInput, Discriminators
from trainer.method.losses.alignment import SOURCE
from trainer.method.losses.overlap import overlap_loss
from trainer.method.losses.pixels import (
    adjusted_logits,
    mask_loss,
    point_loss,
    predicted_masks,
    pseudo_masks,
    resize_logits,
    self_training_loss,
    thinned,
    thinned_size,
)
from trainer.method.losses.presence import absent_loss, adjusted_scores, presence_loss
from trainer.method.losses.regions import absent_cells, region_scores
from trainer.models.heads import Segmentation
from trainer.models.segmenter import Begun

DROPOUT_FIXED, DROPOUT_ONLINE = 0.1, 0.3
IMAGE_LABEL_FIXED, IMAGE_LABEL_ONLINE = 0.2, 0.01
"""The paper's for oracle labels and for its pseudo labels. Pseudo labels that are made once weigh as
oracle labels do: they cannot run away with the network."""
SURE = 0.9
"""How probable a teacher's category is of a pixel of which it is sure, for ClassMix."""


class Segment(Protocol):
    """A segmenter, or what stands for one."""

    def __call__(self, seen: Tensor | Begun) -> Segmentation:
        """Segment images, or go on from what its frozen stages made of them."""


def segmented(segment: Segment, batch: SourceBatch | TargetBatch) -> Segmentation:
    """What a segmenter says of a batch's images, from where they are begun."""
    return segment(batch.images if batch.begun is None else batch.begun)


@dataclass(frozen=True)
class SourceOutputs:
    """What the terms of the source are computed from."""

    config: TrainConfig
    batch: SourceBatch
    segmentation: Segmentation
    presence: Tensor
    """(B, G, C)."""


@dataclass(frozen=True)
class TargetOutputs:
    """What the terms of the target are computed from."""

    config: TrainConfig
    batch: TargetBatch
    segmentation: Segmentation
    """Of the images, which are crops when cropping."""
    whole: Segmentation
    """Of the whole images; the same as `segmentation` when not cropping."""
    presence: Tensor
    """(B, G, C): of labels, or of the pseudo labels that are made of each batch."""
    segment: Segment
    """What made the segmentations."""
    teacher: Segment
    """What self-training and ClassMix learn from."""
    source: SourceBatch | None
    """Of the same step; None where it shows none."""
    discriminators: Discriminators
    discriminator_input: DiscriminatorInput | None
    """None without discriminators."""


Outputs = TypeVar("Outputs", SourceOutputs, TargetOutputs)


@dataclass(frozen=True)
class Term(Generic[Outputs]):
    """One term of the segmenter's loss."""

    name: str
    """In progress lines and charts, and of its weight in `LossWeights`."""
    symbol: str | None
    """Of its weight in the paper; None: the paper has no such term, or no such weight."""
    weight: Callable[[TrainConfig], float]
    used_when: Callable[[TrainConfig], bool]
    loss: Callable[[Outputs], Tensor]


def _has_source(config: TrainConfig) -> bool:
    return config.source is not None


def _has_image_labels(config: TrainConfig) -> bool:
    return config.supervision.is_oracle or config.supervision is Supervision.PSEUDO


def _adapts(config: TrainConfig) -> bool:
    return _has_image_labels(config) and _has_source(config)


def _knows_absence(config: TrainConfig) -> bool:
    return config.supervision.is_oracle or config.makes_labels


def _has_points(config: TrainConfig) -> bool:
    return config.supervision is Supervision.POINT


def _has_masks(config: TrainConfig) -> bool:
    return config.supervision is Supervision.DENSE


def _image_label_weight(config: TrainConfig) -> float:
    usual = IMAGE_LABEL_ONLINE if config.makes_labels_online else IMAGE_LABEL_FIXED
    weight = config.weights.image_label
    return usual if weight is None else weight


def _beside(logits: Tensor, masks: Tensor, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Logits and masks of one size, at which they are compared."""
    masks = thinned(masks, config.mask_stride)
    return resize_logits(logits, size_of(masks)), masks


def _source(outputs: SourceOutputs) -> Tensor:
    config, batch, logits = outputs.config, outputs.batch, outputs.segmentation.logits
    if config.source_logit_adjustment and batch.frequencies is not None:
        logits = adjusted_logits(logits, batch.frequencies, config.source_logit_adjustment)
    return mask_loss(*_beside(logits, batch.masks, config))


def _source_overlap(outputs: SourceOutputs) -> Tensor:
    logits = outputs.segmentation.logits
    return overlap_loss(*_beside(logits, outputs.batch.masks, outputs.config))


def _source_presence(outputs: SourceOutputs) -> Tensor:
    config, batch, logits = outputs.config, outputs.batch, outputs.segmentation.logits
    scores_BGC = region_scores(logits, batch.tile_presence, config.smooth_max)
    scores_BGC = _as_common(scores_BGC, batch.shares, config)
    return presence_loss(scores_BGC, outputs.presence)


def _image_label(outputs: TargetOutputs) -> Tensor:
    """L_c. What a whole image contains need not be in its crop, but what it lacks is not: of crops
    only the negative half counts, the positive half is of the scaled whole image."""
    config, batch, presence_BGC = outputs.config, outputs.batch, outputs.presence
    usual = DROPOUT_ONLINE if config.makes_labels_online else DROPOUT_FIXED
    dropout = usual if config.presence_dropout is None else config.presence_dropout
    dropped = F.dropout(outputs.whole.logits, dropout)
    scores_BGC = region_scores(dropped, batch.tile_presence, config.smooth_max)
    scores_BGC = _as_common(scores_BGC, batch.shares, config)
    if batch.whole is None:
        return presence_loss(scores_BGC, presence_BGC)
    crop = F.dropout(outputs.segmentation.logits, dropout)
    of_crop_B1C = region_scores(crop, None, config.smooth_max)
    of_crop_B1C = _as_common(of_crop_B1C, batch.shares, config)
    present_BGC = presence_BGC.where(presence_BGC == 1, -1)
    absent_B1C = presence_BGC[:, :1].where(presence_BGC[:, :1] == 0, -1)
    return presence_loss(
        torch.cat([scores_BGC, of_crop_B1C], dim=1),
        torch.cat([present_BGC, absent_B1C], dim=1),
    )


def _absent(outputs: TargetOutputs) -> Tensor:
    logits = outputs.segmentation.logits
    return absent_loss(logits, _absent_cells(logits, outputs.batch))


def _point(outputs: TargetOutputs) -> Tensor:
    config, batch, logits = outputs.config, outputs.batch, outputs.segmentation.logits
    strength = config.point_logit_adjustment
    if strength and batch.clicked is not None and batch.frequencies is not None:
        # What the source makes of them leaves the logits in a world of these frequencies to a
        # power; clicked pixels are of another one.
        known = 1 - config.source_logit_adjustment
        logits = adjusted_logits(logits, batch.frequencies, -strength * known)
        logits = adjusted_logits(logits, batch.clicked, strength)
    return point_loss(logits, batch.points)


def _dense(outputs: TargetOutputs) -> Tensor:
    return mask_loss(*_beside_target_masks(outputs))


def _dense_overlap(outputs: TargetOutputs) -> Tensor:
    return overlap_loss(*_beside_target_masks(outputs))


def _beside_target_masks(outputs: TargetOutputs) -> tuple[Tensor, Tensor]:
    if outputs.batch.masks is None:
        raise LookupError("dense supervision without masks in the batch")
    return _beside(outputs.segmentation.logits, outputs.batch.masks, outputs.config)


def _self_training(outputs: TargetOutputs) -> Tensor:
    batch = outputs.batch
    size = thinned_size(size_of(batch.images), outputs.config.mask_stride)
    with torch.no_grad():
        taught = segmented(outputs.teacher, batch).logits
        absent = _absent_cells(taught, batch)
        masks, sureness = pseudo_masks(taught, absent, batch.points, size)
    return self_training_loss(resize_logits(outputs.segmentation.logits, size), masks, sureness)


def _class_mix(outputs: TargetOutputs) -> Tensor:
    """Of pasted pixels the source's masks tell, of the others the teacher, for as much as the share
    of the image's pixels of which it is sure. 0 where a step shows no source."""
    batch, source, stride = outputs.batch, outputs.source, outputs.config.mask_stride
    if source is None:
        return 0 * outputs.segmentation.logits.sum()  # a step may have no other term
    pixels_BHW = chosen_pixels(source.masks, outputs.segmentation.logits.shape[1])
    pasted_BHW = thinned(pixels_BHW, stride)
    with torch.no_grad():
        taught = segmented(outputs.teacher, batch).logits
        masks, sureness = predicted_masks(taught, _absent_cells(taught, batch), size_of(pasted_BHW))
        sure_B11 = (sureness > SURE).to(sureness.dtype).mean((1, 2), keepdim=True)
    masks = torch.where(pasted_BHW, thinned(source.masks, stride), masks)
    counts = sure_B11.where(~pasted_BHW, 1)
    logits = outputs.segment(mixed(source, batch, pixels_BHW)).logits
    return self_training_loss(resize_logits(logits, size_of(masks)), masks, counts)


def _output_alignment(outputs: TargetOutputs) -> Tensor:
    return outputs.discriminators.output_loss(_seen(outputs), SOURCE)


def _category_alignment(outputs: TargetOutputs) -> Tensor:
    return outputs.discriminators.category_loss(_seen(outputs), SOURCE)


SOURCE_TERMS: tuple[Term[SourceOutputs], ...] = (
    Term("source", None, lambda _: 1.0, _has_source, _source),
    Term(
        "source_presence", None, lambda c: c.weights.source_presence, _has_source, _source_presence
    ),
    Term("source_overlap", None, lambda c: c.weights.source_overlap, _has_source, _source_overlap),
)
# Dropout draws from the step's random numbers, so the order is part of what a run gives.
TARGET_TERMS: tuple[Term[TargetOutputs], ...] = (
    Term("image_label", "lam_c", _image_label_weight, _has_image_labels, _image_label),
    Term("absent", None, lambda c: c.weights.absent, _knows_absence, _absent),
    Term("point", "lam_pt", lambda c: c.weights.point, _has_points, _point),
    Term("dense", None, lambda _: 1.0, _has_masks, _dense),
    Term("dense_overlap", None, lambda c: c.weights.dense_overlap, _has_masks, _dense_overlap),
    Term("self_training", None, lambda c: c.weights.self_training, _has_points, _self_training),
    Term("class_mix", None, lambda c: c.weights.class_mix, _adapts, _class_mix),
    Term(
        "output_alignment",
        "lam_adv",
        lambda c: c.weights.output_alignment,
        _adapts,
        _output_alignment,
    ),
    Term(
        "category_alignment",
        "lam_d",
        lambda c: c.weights.category_alignment,
        _adapts,
        _category_alignment,
    ),
)


TERMS: tuple[Term[SourceOutputs] | Term[TargetOutputs], ...] = (*SOURCE_TERMS, *TARGET_TERMS)


def term_weights(config: TrainConfig) -> dict[str, float]:
    """Weight of each term of the segmenter's loss; terms that this run does not use are left out."""
    used = [term for term in TERMS if term.used_when(config)]
    weights = {term.name: term.weight(config) for term in used}
    return {name: weight for name, weight in weights.items() if weight > 0}


def size_of(pixels: Tensor) -> tuple[int, int]:
    """(height, width)."""
    return pixels.shape[-2], pixels.shape[-1]


def _as_common(scores_BGC: Tensor, shares_C: Tensor | None, config: TrainConfig) -> Tensor:
    """Scores of whole images, adjusted for how common categories are; of parts that is not known."""
    strength = config.presence_logit_adjustment
    if not strength or not config.supervision.is_oracle or shares_C is None:
        return scores_BGC
    whole_B1C, parts_BGC = scores_BGC[:, :1], scores_BGC[:, 1:]
    return torch.cat([adjusted_scores(whole_B1C, shares_C, strength), parts_BGC], dim=1)


def _absent_cells(logits: Tensor, batch: TargetBatch) -> Tensor:
    # Of a crop nothing is known but what is known of its whole image.
    of_parts = batch.tile_presence if batch.whole is None else None
    return absent_cells(batch.presence, of_parts, logits)


def _seen(outputs: TargetOutputs) -> DiscriminatorInput:
    if outputs.discriminator_input is None:
        raise LookupError("alignment without discriminators")
    return outputs.discriminator_input
