"""Running average of a network's weights: steadier than the last step of adversarial training."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(Generic[Network]):
    """An exponential moving average that starts as a plain mean and so forgets its start.

    Takes in all that a checkpoint holds, buffers too; counts are taken over as they are. The
    network must stay on its device.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self._means, self._counts = _tensors(self.network)
        self._latest, self._latest_counts = _tensors(network)

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in the network's weights after `steps` steps (1 after the first)."""
        decay = min(self.decay, steps / (steps + 9))
        torch._foreach_lerp_(self._means, self._latest, 1 - decay)
        for count, latest in zip(self._counts, self._latest_counts, strict=True):
            count.copy_(latest)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Tensors of a network that hold fractions, and those that hold counts."""
    tensors = network.state_dict(keep_vars=True).values()
    fractions = [tensor for tensor in tensors if tensor.is_floating_point()]
    return fractions, [tensor for tensor in tensors if not tensor.is_floating_point()]
