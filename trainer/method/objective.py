"""What the segmenter learns from a batch of each domain: every term of the loss, by name.

`O` logits, `F` features, `Z` pooled features; `_s` the source, `_t` the target, as in the paper.
Shapes: `B` image, `C` category, `E` feature channel, `G` region (the whole image, then its tiles).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.contract import Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.method.losses.alignment import (
    SOURCE,
    TARGET,
    category_domain_loss,
    category_pool,
    domain_loss,
)
from trainer.method.losses.pixels import (
    mask_loss,
    point_loss,
    pseudo_masks,
    resize_logits,
    self_training_loss,
)
from trainer.method.losses.presence import (
    absent_loss,
    presence_loss,
    pseudo_presence,
    smooth_maximum,
)
from trainer.method.losses.tiles import tile_pool, tile_smooth_maximum, tiles_of_cells
from trainer.models.discriminators import CategoryDiscriminators, OutputDiscriminator
from trainer.models.heads import Segmentation

DROPOUT_FIXED, DROPOUT_ONLINE = 0.1, 0.3
IMAGE_LABEL_FIXED, IMAGE_LABEL_ONLINE = 0.2, 0.01
"""The paper's for oracle labels and for its pseudo labels. Pseudo labels that are made once weigh as
oracle labels do: they cannot run away with the network."""

SMALLEST_SHOWN = 32
"""Pixels of a side that the five halvings of the output discriminator need."""

Losses = dict[str, Tensor]
Segment = Callable[[Tensor], Segmentation]


def term_weights(config: TrainConfig) -> dict[str, float]:
    """Weight of each term of the segmenter's loss; terms that this run does not use are left out."""
    weights, supervision = config.weights, config.supervision
    image_label = weights.image_label
    if image_label is None:
        image_label = IMAGE_LABEL_ONLINE if config.makes_labels_online else IMAGE_LABEL_FIXED
    used: dict[str, float] = {}
    if config.source:
        used |= {"source": 1.0, "source_presence": weights.source_presence}
    if supervision is Supervision.PSEUDO or supervision.is_oracle:
        used["image_label"] = image_label
        if config.source:
            used["output_alignment"] = weights.output_alignment
            used["category_alignment"] = weights.category_alignment
    if supervision.is_oracle or config.makes_labels:
        used["absent"] = weights.absent
    if supervision is Supervision.POINT:
        used |= {"point": weights.point, "self_training": weights.self_training}
    if supervision is Supervision.DENSE:
        used["dense"] = 1.0
    return {name: weight for name, weight in used.items() if weight > 0}


@dataclass(frozen=True)
class Shown:
    """What the discriminators are shown of one domain."""

    probabilities: Tensor
    """(B, C, H, W) softmax of the resized logits, at `output_alignment_scale` of the images."""
    pooled: Tensor
    """Z: (B, G, C, E)."""
    presence: Tensor
    """(B, G, C)."""

    def detach(self) -> "Shown":
        """The same, cut off from the segmenter."""
        return Shown(self.probabilities.detach(), self.pooled.detach(), self.presence)


class Discriminators(nn.ModuleDict):
    """D_out and D_cat, each only where its term has a weight."""

    def __init__(self, config: TrainConfig, features: int) -> None:
        categories, weights = len(config.categories), term_weights(config)
        parts: dict[str, nn.Module] = {}
        if "output_alignment" in weights:
            parts["output"] = OutputDiscriminator(categories, config.output_discriminator_width)
        if "category_alignment" in weights:
            parts["category"] = CategoryDiscriminators(
                categories,
                features,
                config.discriminator_hidden,
                config.discriminator_projection,
            )
        super().__init__(parts)

    def forward(self, source: Shown, target: Shown) -> Losses:
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

    def output_loss(self, shown: Shown, domain: float) -> Tensor:
        """Loss of D_out when the images are said to be of `domain`."""
        return domain_loss(self["output"](shown.probabilities), domain)

    def category_loss(self, shown: Shown, domain: float) -> Tensor:
        """Eq. 4-6: loss of D_cat when the images are said to be of `domain`."""
        return _category_loss(self["category"](shown.pooled), domain, shown)


def _category_loss(logits_BGC: Tensor, domain: float, shown: Shown) -> Tensor:
    return category_domain_loss(logits_BGC.flatten(1), domain, shown.presence.flatten(1))


class Objective:
    """The terms of one run's loss."""

    def __init__(self, config: TrainConfig, discriminators: Discriminators) -> None:
        self.config = config
        self.weights = term_weights(config)
        self._discriminators = discriminators
        usual = DROPOUT_ONLINE if config.makes_labels_online else DROPOUT_FIXED
        dropout = config.presence_dropout
        self._dropout = usual if dropout is None else dropout

    def on_source(
        self, segment: Segment, batch: SourceBatch, *, show: bool
    ) -> tuple[Losses, Shown | None]:
        """Terms of the source domain, and what it shows to the discriminators where `show`."""
        segmentation = segment(batch.images)
        logits = segmentation.logits
        presence_BGC = _over_regions(batch.presence, batch.tile_presence)
        grid = _grid(batch.tile_presence)
        losses = {"source": mask_loss(resize_logits(logits, _size(batch.masks)), batch.masks)}
        if "source_presence" in self.weights:
            losses["source_presence"] = presence_loss(self._scores(logits, grid), presence_BGC)
        if not show:
            return losses, None
        detached = Segmentation(*(tensor.detach() for tensor in segmentation))
        size = _size(batch.images)
        return losses, self._show(detached.logits, size, detached, presence_BGC, grid)

    def on_target(
        self, segment: Segment, batch: TargetBatch, teacher: Segment
    ) -> tuple[Losses, Shown | None]:
        """Terms of the target domain, and what it shows to the discriminators if there are any.

        `teacher` is what self-training learns from.
        """
        segmentation = segment(batch.images)
        whole = segmentation if batch.whole is None else segment(batch.whole)
        logits, size = segmentation.logits, _size(batch.images)
        presence_BGC = self._target_presence(whole, batch)
        terms: dict[str, Callable[[], Tensor]] = {
            "image_label": lambda: self._image_label(whole, logits, batch, presence_BGC),
            "absent": lambda: absent_loss(logits, _absent_cells(logits, batch)),
            "point": lambda: point_loss(logits, batch.points),
            "dense": lambda: mask_loss(resize_logits(logits, size), _masks(batch)),
            "self_training": lambda: self._self_training(logits, batch, teacher),
        }
        shown = None
        if len(self._discriminators):
            grid = _grid(batch.tile_presence)
            shown = self._show(logits, size, whole, presence_BGC, grid)
            terms |= self._alignment(shown)
        losses = {name: term() for name, term in terms.items() if name in self.weights}
        return losses, shown and shown.detach()

    def _alignment(self, shown: Shown) -> dict[str, Callable[[], Tensor]]:
        return {
            "output_alignment": lambda: self._discriminators.output_loss(shown, SOURCE),
            "category_alignment": lambda: self._discriminators.category_loss(shown, SOURCE),
        }

    def _show(
        self,
        logits: Tensor,
        size: tuple[int, int],
        whole: Segmentation,
        presence_BGC: Tensor,
        grid: tuple[int, int] | None,
    ) -> Shown:
        scale = self.config.output_alignment_scale
        height, width = (max(round(scale * side), SMALLEST_SHOWN) for side in size)
        return Shown(
            resize_logits(logits, (height, width)).softmax(1),
            _pooled(whole.logits, whole.features, grid),
            presence_BGC,
        )

    def _scores(self, logits_BCHW: Tensor, grid: tuple[int, int] | None) -> Tensor:
        scores_BGC = smooth_maximum(logits_BCHW, self.config.smooth_max)[:, None]
        if grid is None:
            return scores_BGC
        tiles_BCRK = tile_smooth_maximum(logits_BCHW, grid, self.config.smooth_max)
        return torch.cat([scores_BGC, tiles_BCRK.flatten(2).transpose(1, 2)], dim=1)

    def _target_presence(self, whole: Segmentation, batch: TargetBatch) -> Tensor:
        if not self.config.makes_labels_online:
            return _over_regions(batch.presence, batch.tile_presence)
        scores = smooth_maximum(whole.logits, self.config.smooth_max)
        return pseudo_presence(scores, self.config.pseudo_threshold)[:, None]

    def _image_label(
        self, whole: Segmentation, logits: Tensor, batch: TargetBatch, presence_BGC: Tensor
    ) -> Tensor:
        """L_c. What a whole image contains need not be in its crop, but what it lacks is not:
        of crops only the negative half counts, the positive half is of the scaled whole image."""
        dropped = F.dropout(whole.logits, self._dropout)
        scores_BGC = self._scores(dropped, _grid(batch.tile_presence))
        if batch.whole is None:
            return presence_loss(scores_BGC, presence_BGC)
        of_crop_B1C = smooth_maximum(F.dropout(logits, self._dropout), self.config.smooth_max)
        present_BGC = presence_BGC.where(presence_BGC == 1, -1)
        absent_B1C = presence_BGC[:, :1].where(presence_BGC[:, :1] == 0, -1)
        return presence_loss(
            torch.cat([scores_BGC, of_crop_B1C[:, None]], dim=1),
            torch.cat([present_BGC, absent_B1C], dim=1),
        )

    def _self_training(self, logits: Tensor, batch: TargetBatch, teacher: Segment) -> Tensor:
        size = _size(batch.images)
        with torch.no_grad():
            taught = teacher(batch.images).logits
            absent = _absent_cells(taught, batch)
            masks, sureness = pseudo_masks(taught, absent, batch.points, size)
        return self_training_loss(resize_logits(logits, size), masks, sureness)


def _size(pixels: Tensor) -> tuple[int, int]:
    return pixels.shape[-2], pixels.shape[-1]


def _grid(tile_presence_BCRK: Tensor | None) -> tuple[int, int] | None:
    if tile_presence_BCRK is None:
        return None
    rows, columns = tile_presence_BCRK.shape[-2:]
    return rows, columns


def _over_regions(presence_BC: Tensor, tile_presence_BCRK: Tensor | None) -> Tensor:
    """(B, G, C): of the whole image, then of its tiles."""
    presence_BGC = presence_BC[:, None]
    if tile_presence_BCRK is None:
        return presence_BGC
    return torch.cat([presence_BGC, tile_presence_BCRK.flatten(2).transpose(1, 2)], dim=1)


def _pooled(logits: Tensor, features: Tensor, grid: tuple[int, int] | None) -> Tensor:
    """Z: (B, G, C, E) of the whole image, then of its tiles."""
    pooled_BGCE = category_pool(logits, features)[:, None]
    if grid is None:
        return pooled_BGCE
    return torch.cat([pooled_BGCE, tile_pool(logits, features, grid).flatten(1, 2)], dim=1)


def _absent_cells(logits: Tensor, batch: TargetBatch) -> Tensor:
    """Where each category is known not to be: (B, C, 1, 1), or (B, C, h, w) with tiles."""
    absent_BCHW = (batch.presence == 0).to(logits.dtype)[..., None, None]
    if batch.tile_presence is None or batch.whole is not None:  # tiles are not the crop's
        return absent_BCHW
    absent_BCRK = (batch.tile_presence == 0).to(logits.dtype)
    return torch.maximum(absent_BCHW, tiles_of_cells(absent_BCRK, _size(logits)))


def _masks(batch: TargetBatch) -> Tensor:
    if batch.masks is None:
        raise LookupError("dense supervision without masks in the batch")
    return batch.masks
