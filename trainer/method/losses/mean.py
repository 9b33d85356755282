"""Means that come out the same however a batch is spread over processes."""

import torch.distributed as dist
from torch import Tensor


def mean_of(total: Tensor, count: Tensor) -> Tensor:
    """`total / count` with the count of all processes' batches; 0 where nothing was counted.

    Processes average their gradients, so each one's total is also scaled by how many they are:
    what results is the gradient of the mean over the batches of all of them together.
    """
    if dist.is_available() and dist.is_initialized():
        count = count.detach().to(total.dtype, copy=True)
        dist.all_reduce(count)
        total = total * dist.get_world_size()
    return total / count.clamp(min=1)


def masked_mean(values: Tensor, counted: Tensor) -> Tensor:
    """Mean of the values where `counted` is true, of the same shape; 0 where it never is."""
    return mean_of(values.where(counted, 0).sum(), counted.sum())
