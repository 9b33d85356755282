"""The network that a run starts from."""

import torch

from trainer.contract import TrainConfig
from trainer.contract.names import comparable
from trainer.errors import BadInput
from trainer.models.checkpoint import load_segmenter, shape_of
from trainer.models.segmenter import Segmenter, SegmenterShape, build_segmenter


def start_network(config: TrainConfig) -> Segmenter:
    """The network before the first step: with ImageNet's weights, or those of `start_from`.

    Raises:
        BadInput: the weights cannot be had, or are of another network.
    """
    shape = shape_of(config)
    torch.manual_seed(config.seed)
    if config.start_from is None:
        segmenter = build_segmenter(shape)
        segmenter.load_initial_weights(config.initial_weights, config.initial_weights_sha256)
        return segmenter
    begun = load_segmenter(config.start_from)
    if difference := _difference(begun.shape, shape):
        raise BadInput(f"{config.start_from}: start_from: {difference}")
    # Built anew: a loaded network is no longer one to train.
    segmenter = build_segmenter(shape)
    segmenter.load_state_dict(begun.network.state_dict())
    return segmenter


def _difference(theirs: SegmenterShape, ours: SegmenterShape) -> str | None:
    """What keeps the weights of one network from being those of the other."""
    if len(theirs.categories) != len(ours.categories):
        return f"has {len(theirs.categories)} categories, the run has {len(ours.categories)}"
    for number, pair in enumerate(zip(theirs.categories, ours.categories, strict=True)):
        if comparable(pair[0]) != comparable(pair[1]):
            return f"category {number} is {pair[0]!r}, in the run it is {pair[1]!r}"
    for name in ("backbone", "head", "logit_stride", "dilations", "feature_channels"):
        if getattr(theirs, name) != getattr(ours, name):
            return f"has {name} {getattr(theirs, name)!r}, the run has {getattr(ours, name)!r}"
    return None
