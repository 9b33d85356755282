"""DeepLab-v2's backbones at output stride 8: ResNet-101 and VGG-16, ImageNet weights of torchvision.

Chen et al., "DeepLab", TPAMI 2018; the variants of Tsai et al., "Learning to Adapt Structured
Output Space", CVPR 2018.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

import torchvision.models as zoo
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from trainer.errors import BadInput
from trainer.models.backbone import Backbone, Chain
from trainer.models.weights import Weights, first_line

VGG_CHANNELS = 1024


class Layers(nn.Module):
    """Named layers that run as a chain says, which may name those inside of a sequence."""

    def __init__(self, layers: Mapping[str, nn.Module], chain: Chain) -> None:
        super().__init__()
        self.chain = chain
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The chain's maps."""
        return self.chain.maps(self, images)


def resnet101(finest: int = 8) -> Backbone:
    """Three maps of 512, 1024 and 2048 channels, all at stride 8; the last is the paper's F.

    With `finest` 4 before them the one of 256 channels at stride 4, of layer 1.

    The strides of layers 3 and 4 are replaced by dilations 2 and 4. This is torchvision's network,
    so that its ImageNet weights fit; the published one was converted from Caffe and differs in
    that the stride of layer 2 is on the block's first 1x1 convolution (here on the 3x3), that
    pooling rounds sizes up (here down), that the first block of layers 3 and 4 is dilated as the
    others (here by the dilation before it, which is what makes a strided network dense), and that
    pixels are BGR less a mean.
    """
    network = zoo.resnet101(weights=None, replace_stride_with_dilation=[False, True, True])
    del network.avgpool, network.fc
    stages = ("layer1", "layer2", "layer3", "layer4")
    first = 0 if finest == 4 else 1
    layers = OrderedDict(network.named_children())
    chain = Chain(tuple(layers), given=stages[first:])
    return Backbone(
        network=Layers(layers, chain),
        channels=(256, 512, 1024, 2048)[first:],
        stages=stages,
        chain=chain,
        imagenet=partial(_download, zoo.ResNet101_Weights.IMAGENET1K_V1),
        unused=("fc",),
    )


def vgg16(finest: int = 8) -> Backbone:
    """One map of 1024 channels at stride 8; with `finest` 4 before it one of 256, of conv3.

    The last two poolings are left out, and the convolutions behind the first of them are dilated
    by 2. As in the networks of the field, fc6 and fc7 are 3x3 convolutions of 1024 channels,
    dilated by 4, which start random: VGG's own fully connected layers would not fit them.
    """
    features = make_layers(cfgs["D"])[:30]
    features[23] = nn.Identity()
    for index in (24, 26, 28):
        features[index].dilation = features[index].padding = (2, 2)
    layers = {
        "features": features,
        "fc6": nn.Conv2d(512, VGG_CHANNELS, 3, padding=4, dilation=4),
        "relu6": nn.ReLU(inplace=True),
        "fc7": nn.Conv2d(VGG_CHANNELS, VGG_CHANNELS, 3, padding=4, dilation=4),
        "relu7": nn.ReLU(inplace=True),
    }
    convolutions = tuple(f"features.{index}" for index in range(len(features)))
    fine = finest == 4
    chain = Chain(
        (*convolutions, *tuple(layers)[1:]),
        given=("features.15", "relu7") if fine else ("relu7",),
    )
    return Backbone(
        network=Layers(layers, chain),
        channels=(256, VGG_CHANNELS) if fine else (VGG_CHANNELS,),
        stages=tuple(f"features.{last}" for last in (2, 7, 14, 21, 28)),
        chain=chain,
        imagenet=partial(_download, zoo.VGG16_Weights.IMAGENET1K_V1),
        unused=("classifier",),
        fresh=("fc6", "fc7"),
    )


def _download(weights: zoo.WeightsEnum) -> tuple[str, Weights]:
    """The weights from torch's cache or the network, which are checked by their hash.

    Raises:
        BadInput: they cannot be had, or are not what they should be.
    """
    try:
        return weights.url, weights.get_state_dict(check_hash=True, weights_only=True)
    except Exception as error:  # no network, no disk, or a damaged file, which fails in any way
        raise BadInput(
            f"{weights.url}: cannot download the ImageNet weights: {first_line(error)}; "
            "download the file elsewhere and name it in initial_weights (--weights)"
        ) from error
