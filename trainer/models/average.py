"""Running average of a network's weights: steadier than the last step of adversarial training."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(Generic[Network]):
    """An exponential moving average that starts as a plain mean and so forgets its start."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: Network, steps: int) -> None:
        """Take in the weights after `steps` steps (1 after the first)."""
        decay = min(self.decay, steps / (steps + 9))
        means, latest = _tensors(self.network), _tensors(network)
        torch._foreach_lerp_(means[True], latest[True], 1 - decay)
        for mean, count in zip(means[False], latest[False], strict=True):
            mean.copy_(count)


def _tensors(network: nn.Module) -> dict[bool, list[Tensor]]:
    """Tensors of a network by whether they hold fractions, which counts do not."""
    tensors: dict[bool, list[Tensor]] = {True: [], False: []}
    for tensor in network.state_dict().values():
        tensors[tensor.is_floating_point()].append(tensor)
    return tensors
