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
    average.update(steps=1)
    assert average.network.weight.item() == pytest.approx(1 + 2 * 0.9)
    assert average.network.num_batches_tracked.item() == 7
    with torch.no_grad():
        network.weight.fill_(0)
    average.update(steps=1_000_000)
    assert average.network.weight.item() == pytest.approx(2.8 * 0.9)


def test_statistics_and_weights_that_were_loaded_are_averaged_too() -> None:
    network = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    average = WeightAverage(network, decay=0.9)
    changed = {name: torch.ones_like(each) * 10 for name, each in network.state_dict().items()}
    zeros = {name: torch.zeros_like(each) for name, each in network.state_dict().items()}
    network.load_state_dict(changed)
    average.network.load_state_dict(zeros)
    average.update(steps=1)
    for name, tensor in average.network.state_dict().items():
        expected = 10 if name.endswith("num_batches_tracked") else 9
        torch.testing.assert_close(tensor, torch.full_like(tensor, expected))
