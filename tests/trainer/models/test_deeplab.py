from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

from tests.trainer.models.conftest import MakeSegmenter
from trainer.errors import BadInput
from trainer.models.deeplab import resnet101, vgg16


def test_the_paper_s_networks(make_segmenter: MakeSegmenter, pixels: Tensor) -> None:
    for backbone, channels in (("resnet101", 2048), ("vgg16", 1024)):
        segmenter = make_segmenter(backbone, head="deeplab-v2")
        logits, features = segmenter(pixels)
        assert logits.shape == (2, 2, 4, 8)
        assert features.shape == (2, channels, 4, 8)
        assert segmenter.features == channels


def test_dilated_resnet_is_the_strided_one_seen_more_densely() -> None:
    dilated, strided = resnet101().network, torchvision.models.resnet101(weights=None)
    strided.load_state_dict(dilated.state_dict(), strict=False)
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        maps = dilated.eval()(images)
        last = list(strided.eval().children())[:-2]
        expected = torch.nn.Sequential(*last)(images)
    assert [tuple(each.shape) for each in maps] == [(1, c, 8, 8) for c in (512, 1024, 2048)]
    assert expected.shape == (1, 2048, 2, 2)
    scale = expected.abs().max()
    torch.testing.assert_close(maps[-1][..., ::4, ::4] / scale, expected / scale)


def test_vgg_sees_as_far_behind_the_left_out_pooling() -> None:
    network = vgg16().network
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(1e-3)
    before_pool = torch.ones(1, 512, 29, 29, requires_grad=True)
    _, *rest = network.children()
    torch.nn.Sequential(network.get_submodule("features")[23:], *rest)(before_pool)[
        0, 0, 14, 14
    ].backward()
    assert before_pool.grad is not None
    seen = before_pool.grad[0, 0] != 0
    offsets = (seen.nonzero() - 14).abs()
    assert offsets.max() == 3 * 2 + 2 * 4
    assert not (offsets % 2).any()


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps what it has downloaded, and no way to download more."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_torchvision_s_weights_are_used(make_segmenter: MakeSegmenter, torch_home: Path) -> None:
    published = {n: torch.rand_like(t) for n, t in vgg16().network.state_dict().items()}
    published = {n: t for n, t in published.items() if n.startswith("features.")}
    url = torchvision.models.VGG16_Weights.IMAGENET1K_V1.url
    torch.save(published | {"classifier.0.weight": torch.rand(2)}, torch_home / Path(url).name)
    segmenter = make_segmenter("vgg16")
    segmenter.load_initial_weights()
    own = segmenter.backbone.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in published.items())


def test_weights_that_cannot_be_downloaded_are_an_error(
    make_segmenter: MakeSegmenter, torch_home: Path
) -> None:
    with pytest.raises(BadInput) as raised:
        make_segmenter("resnet101").load_initial_weights()
    message = str(raised.value)
    assert message.startswith("https://download.pytorch.org/models/resnet101")
    assert "cannot download the ImageNet weights" in message
    assert "initial_weights (--weights)" in message
    assert "\n" not in message


def test_a_damaged_download_is_an_error(make_segmenter: MakeSegmenter, torch_home: Path) -> None:
    url = torchvision.models.VGG16_Weights.IMAGENET1K_V1.url
    (torch_home / Path(url).name).write_bytes(b"half a file")
    with pytest.raises(BadInput, match="cannot download the ImageNet weights"):
        make_segmenter("vgg16").load_initial_weights()
