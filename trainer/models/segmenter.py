"""The segmenter G: images to logits O and features F.

Shapes: `B` image, `C` category, `E` feature channel, `H W` pixel, `h w` feature grid.
"""

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from trainer.contract import Record
from trainer.errors import BadInput
from trainer.models.backbone import Backbone, Chain, frozen_by
from trainer.models.deeplab import resnet101, vgg16
from trainer.models.efficientnet_lite import efficientnet_lite
from trainer.models.heads import DeepLabHead, FusionHead, Segmentation
from trainer.models.timm_networks import PREFIX, timm_backbone
from trainer.models.weights import Weights, check_finite, put_weights, read_weights

Positive = Annotated[int, Field(ge=1)]


Begun = tuple[Tensor, ...]
"""What frozen stages made of images: the maps (B, E, h, w) that the rest of the network needs, the
last of which it goes on from."""


class SegmenterShape(Record):
    """How to build a segmenter and to read what it says; the header of a checkpoint.

    The fields are `TrainConfig`'s, but for the calibration of presence.
    """

    backbone: str
    head: Literal["fusion", "deeplab-v2"] = "fusion"
    logit_stride: Literal[4, 8] = 8
    dilations: tuple[Positive, ...] = (6, 12)
    categories: tuple[str, ...] = Field(min_length=1)
    colors: tuple[str, ...] = ()
    feature_channels: int = Field(ge=8, multiple_of=8)
    height: Positive
    width: Positive
    smooth_max: float = Field(gt=0)
    mirrored_prediction: bool = False
    mirrored_scale: float = Field(default=1.0, ge=1, le=2)
    presence_scale: float = 1.0
    """The probability that a category is present is sigmoid(scale * gpool(O) + offset)."""
    presence_offsets: tuple[float, ...] = ()
    """One per category; empty: all 0."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.presence_offsets and len(self.presence_offsets) != len(self.categories):
            raise ValueError(
                f"{len(self.presence_offsets)} presence_offsets "
                f"for {len(self.categories)} categories"
            )
        if self.head == "deeplab-v2" and not self.dilations:
            raise ValueError("head 'deeplab-v2' needs dilations")
        return self


class Segmenter(nn.Module):
    """A backbone and a head, which are the two groups of parameters."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, head: nn.Module, features: int) -> None:
        super().__init__()
        self.backbone = backbone.network.eval()
        self.head = head
        self.features = features
        """E: channels of the features that enter the classifier."""
        self._facts = backbone
        self._parts: tuple[Chain, Chain] | None = None
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            self.register_buffer(
                name, torch.tensor(values, dtype=torch.float32).view(3, 1, 1), persistent=False
            )

    def train(self, mode: bool = True) -> Self:
        """Switch training on or off; the backbone always keeps ImageNet's statistics."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, seen: Tensor | Begun) -> Segmentation:
        """Segment RGB images (B, 3, H, W) of any size, bytes or floats in 0..255.

        Or go on from what `begin` made of images, of any precision.
        """
        if isinstance(seen, Tensor):
            maps = self.backbone(self._normalised(seen))
        else:
            _, rest = self._cut()
            # Copies: layers may work in place, and others go on from the same.
            begun = [each.to(self.mean.dtype, copy=True) for each in seen]
            maps = rest.maps_behind(self.backbone, begun)
        if self._facts.maps is not None:
            maps = [maps[index] for index in self._facts.maps]
        segmentation: Segmentation = self.head(maps)
        return segmentation

    def _normalised(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        return (images.to(self.mean.dtype) - self.mean) / self.std

    @property
    def can_begin(self) -> bool:
        """Whether stages are frozen of which what the rest of the network needs can be kept."""
        return self._parts is not None

    @torch.no_grad()
    def begin(self, images_B3HW: Tensor) -> Begun:
        """What the frozen stages make of images, the same as long as they are frozen.

        Raises:
            LookupError: not `can_begin`.
        """
        first, _ = self._cut()
        return tuple(first.maps(self.backbone, self._normalised(images_B3HW)))

    def begins_with(self) -> Weights:
        """All tensors that `begin` computes with."""
        first, _ = self._cut()
        layers = tuple(f"{layer}." for layer in first.layers)
        weights = self.backbone.state_dict()
        of_layers = {name: each for name, each in weights.items() if name.startswith(layers)}
        return {"mean": self.mean, "std": self.std} | of_layers

    def _cut(self) -> tuple[Chain, Chain]:
        if self._parts is None:
            raise LookupError("the network has no frozen stages that it could begin with")
        return self._parts

    def load_initial_weights(self, file: Path | None = None, sha256: str | None = None) -> None:
        """Start the backbone from ImageNet weights: of a file, or of where they are published.

        Raises:
            BadInput: the weights cannot be had, or do not fit; they are never left random.
        """
        facts = self._facts
        if file is None and sha256 is not None:
            raise BadInput("initial_weights_sha256: is given without initial_weights")
        if file is None:
            origin, weights = facts.imagenet()
        else:
            origin, weights = str(file), read_weights(file, sha256)
        check_finite(weights, origin)
        own = facts.rename(weights, origin)
        put_weights(self.backbone, own, origin, unused=facts.unused, fresh=facts.fresh)

    def freeze(self, stages: int, norms: bool = False) -> None:
        """Keep the backbone's stem and first stages as they are; 0 stages freezes neither.

        `norms`: also keep the scales and shifts of all its batch norms.

        Raises:
            BadInput: the backbone has fewer stages.
        """
        if stages > len(self._facts.stages):
            raise BadInput(
                f"frozen_stages: {stages}, but the backbone has {len(self._facts.stages)} stages"
            )
        if stages:
            last = self._facts.stages[stages - 1]
            for parameter in frozen_by(self.backbone, last):
                parameter.requires_grad_(False)
            self._parts = self._facts.chain.cut(last) if self._facts.chain else None
        if norms:
            for module in self.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.requires_grad_(False)


NAMED: dict[str, Callable[[int, bool], Backbone]] = {
    "efficientnet-lite0": partial(efficientnet_lite, "lite0"),
    "efficientnet-lite2": partial(efficientnet_lite, "lite2"),
    "resnet101": lambda finest, _: resnet101(finest),
    "vgg16": lambda finest, _: vgg16(finest),
}
"""Backbones that need no prefix, by the stride of the finest map and whether a head wants one dense
map."""


def build_segmenter(shape: SegmenterShape) -> Segmenter:
    """The network of a shape, with random weights.

    Raises:
        BadInput: there is no such backbone, or it does not take images of this size.
    """
    backbone = _build_backbone(shape)
    categories = len(shape.categories)
    if shape.head == "deeplab-v2":
        features = backbone.channels[-1]
        return Segmenter(backbone, DeepLabHead(features, categories, shape.dilations), features)
    head = FusionHead(backbone.channels, shape.feature_channels, categories)
    return Segmenter(backbone, head, shape.feature_channels)


def _build_backbone(shape: SegmenterShape) -> Backbone:
    dilated = shape.head == "deeplab-v2"
    if shape.backbone.startswith(PREFIX):
        size = (shape.height, shape.width)
        return timm_backbone(shape.backbone, size, shape.logit_stride, dilated)
    if shape.backbone not in NAMED:
        close = difflib.get_close_matches(shape.backbone, NAMED, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(NAMED)}"
        raise BadInput(f"backbone: no {shape.backbone!r}; {hint} (or {PREFIX}NAME)")
    return NAMED[shape.backbone](shape.logit_stride, dilated)
