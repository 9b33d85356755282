from pathlib import Path

import pytest
import torch
from torch import nn

from trainer.errors import BadInput
from trainer.models.average import WeightAverage
from trainer.models.backbone import efficientnet_lite0, freeze_stages, load_imagenet
from trainer.models.segmenter import Segmenter


def test_logits_and_features_are_at_stride_8() -> None:
    logits, features = Segmenter(categories=5, features=16).eval()(torch.randn(2, 3, 64, 96))
    assert logits.shape == (2, 5, 8, 12)
    assert features.shape == (2, 16, 8, 12)


def test_any_size_is_segmented() -> None:
    logits, _ = Segmenter(categories=2, features=8).eval()(torch.randn(1, 3, 50, 71))
    assert logits.shape == (1, 2, 7, 9)


def test_backbone_statistics_stay_those_of_imagenet_while_training() -> None:
    segmenter = Segmenter(categories=2, features=8).train()
    before = segmenter.backbone.get_buffer("bn1.running_mean").clone()
    segmenter(torch.randn(2, 3, 32, 32))
    assert torch.equal(segmenter.backbone.get_buffer("bn1.running_mean"), before)
    assert segmenter.head.training


def test_imagenet_weights_reach_every_tensor() -> None:
    first, second = efficientnet_lite0(), efficientnet_lite0()
    load_imagenet(first)
    load_imagenet(second)
    random = efficientnet_lite0().state_dict()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
        if name.endswith("conv.weight"):
            assert not torch.equal(tensor, random[name])


def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.pth: cannot read"):
        load_imagenet(efficientnet_lite0(), tmp_path / "nothing.pth")


def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not a network")
    with pytest.raises(BadInput, match=r"weights\.pth: cannot read"):
        load_imagenet(efficientnet_lite0(), path)


def test_weights_of_another_network_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(nn.Linear(2, 3).state_dict(), path)
    with pytest.raises(BadInput, match="not the weights of EfficientNet-Lite0"):
        load_imagenet(efficientnet_lite0(), path)


def test_frozen_stages_get_no_gradient_and_the_others_do() -> None:
    segmenter = Segmenter(categories=2, features=8).train()
    freeze_stages(segmenter.backbone, 2)
    segmenter(torch.randn(1, 3, 32, 32)).logits.sum().backward()
    blocks = list(segmenter.backbone.get_submodule("blocks").children())
    assert all(weight.grad is None for weight in blocks[1].parameters())
    assert all(weight.grad is not None for weight in blocks[2].parameters())


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
