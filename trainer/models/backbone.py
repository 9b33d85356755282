"""What a segmenter needs to know of a backbone, whichever network it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from trainer.models.weights import Weights

Rgb = tuple[float, float, float]

IMAGENET_MEAN: Rgb = (123.675, 116.28, 103.53)
IMAGENET_STD: Rgb = (58.395, 57.12, 57.375)
"""Of RGB in 0..255, as torchvision's networks were trained."""


@dataclass(frozen=True)
class Chain:
    """A network, or the rest of one, that is layers one after the other, by their names in it."""

    layers: tuple[str, ...]
    given: tuple[str, ...]
    """Layers whose outputs are the maps."""
    behind: tuple[str, ...] = ()
    """Layers whose outputs it goes on from, the last of which it follows; none: from images."""

    def maps(self, network: nn.Module, seen: Tensor) -> list[Tensor]:
        """The maps that layers of `network` make of normalised images, or of the output before them."""
        maps = []
        for name in self.layers:
            seen = network.get_submodule(name)(seen)
            if name in self.given:
                maps.append(seen)
        return maps

    def maps_behind(self, network: nn.Module, outputs: Sequence[Tensor]) -> list[Tensor]:
        """The maps that follow from the outputs of `behind`, those among them that are maps included."""
        known = zip(self.behind, outputs, strict=True)
        before = [output for name, output in known if name in self.given]
        return before + self.maps(network, outputs[-1])

    def cut(self, last: str) -> "tuple[Chain, Chain] | None":
        """The layers to `last`, whose maps are all that the rest needs of them, and those behind it.

        None where there is no such layer.
        """
        if last not in self.layers:
            return None
        end = self.layers.index(last) + 1
        needed = tuple(name for name in self.layers[:end] if name in self.given or name == last)
        return Chain(self.layers[:end], needed), Chain(self.layers[end:], self.given, needed)


@dataclass(frozen=True)
class Backbone:
    """A network with random weights, and how to use it and to fill it."""

    network: nn.Module
    """Normalised images (B, 3, H, W) to a list of feature maps."""
    channels: tuple[int, ...]
    """Of the maps that are used, from fine to coarse."""
    stages: tuple[str, ...]
    """The network's last module of each stage. What is defined before belongs to it: the stem to
    the first."""
    imagenet: Callable[[], tuple[str, Weights]]
    """Where the ImageNet weights are from, and the weights by any names that `rename` knows."""
    chain: Chain | None = None
    """The network's layers, where it is nothing but layers one after the other."""
    maps: tuple[int, ...] | None = None
    """Which of the network's maps are used; None: all."""
    rename: Callable[[Weights, str], Weights] = lambda weights, _: weights
    """Weights as their file names them, and where they are from, to weights as the network does."""
    unused: tuple[str, ...] = ()
    """Modules of the ImageNet weights that a segmenter has no use for."""
    fresh: tuple[str, ...] = ()
    """Modules that no ImageNet weights are for: they start random by design."""
    mean: Rgb = IMAGENET_MEAN
    """That the network expects to be subtracted from RGB in 0..255."""
    std: Rgb = IMAGENET_STD


def frozen_by(network: nn.Module, stage: str) -> list[nn.Parameter]:
    """The parameters of a stage (its last module's name) and of all that is defined before it."""
    frozen, reached = [], False
    for name, module in network.named_modules():
        if reached and not name.startswith(f"{stage}."):
            break
        reached = reached or name == stage
        frozen += module.parameters(recurse=False)
    return frozen
