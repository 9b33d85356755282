"""Small segmenters with random weights."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.trainer.conftest import shape_with
from trainer.models.segmenter import Segmenter, build_segmenter

MakeSegmenter = Callable[..., Segmenter]


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
