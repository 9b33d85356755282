"""Small segmenters with random weights."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from trainer.models.segmenter import Segmenter, SegmenterShape, build_segmenter

MakeSegmenter = Callable[..., Segmenter]


def shape_with(**changes: object) -> SegmenterShape:
    fields: dict[str, object] = {
        "backbone": "efficientnet-lite0",
        "categories": ("road", "car"),
        "feature_channels": 16,
        "height": 32,
        "width": 64,
        "smooth_max": 1.0,
    }
    return SegmenterShape.model_validate(fields | changes)


@pytest.fixture
def make_segmenter() -> MakeSegmenter:
    """Two categories, 16 feature channels, images of 32 x 64, unless told otherwise."""

    def make(backbone: str = "efficientnet-lite0", **changes: object) -> Segmenter:
        return build_segmenter(shape_with(backbone=backbone, **changes)).eval()

    return make


@pytest.fixture
def pixels() -> Tensor:
    """Two images of 32 x 64."""
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8, generator=random)
