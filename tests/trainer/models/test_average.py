import pytest
import torch
from torch import nn

from trainer.models.average import WeightAverage


def test_average_starts_as_the_plain_mean_and_keeps_counts() -> None:
    network = nn.BatchNorm1d(1)
    average = WeightAverage(network, decay=0.9)
    with torch.no_grad():
        network.weight.fill_(3)
        network.num_batches_tracked.fill_(7)
    average.update(network, steps=1)
    assert average.network.weight.item() == pytest.approx(1 + 2 * 0.9)
    assert average.network.num_batches_tracked.item() == 7
    with torch.no_grad():
        network.weight.fill_(0)
    average.update(network, steps=1_000_000)
    assert average.network.weight.item() == pytest.approx(2.8 * 0.9)
