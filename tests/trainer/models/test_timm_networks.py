from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.trainer.models.conftest import MakeSegmenter
from trainer.errors import BadInput


@pytest.mark.parametrize(
    ("network", "features"),
    [("resnet18", 512), ("convnext_atto", 320), ("mobilenetv3_small_050", 288)],
)
def test_convolutions_give_stride_8_to_both_heads(
    make_segmenter: MakeSegmenter, pixels: Tensor, network: str, features: int
) -> None:
    fused = make_segmenter(f"timm/{network}")
    assert fused(pixels).logits.shape == (2, 2, 4, 8)
    assert fused.features == 16
    dilated = make_segmenter(f"timm/{network}", head="deeplab-v2")
    assert dilated(pixels).logits.shape == (2, 2, 4, 8)
    assert dilated(pixels).features.shape == (2, features, 4, 8)
    assert dilated.features == features


@pytest.mark.parametrize(
    ("network", "grid"),
    [
        ("vit_tiny_patch16_224", (4, 5)),
        ("pvt_v2_b0", (7, 9)),
        ("swin_tiny_patch4_window7_224", (7, 9)),
    ],
)
def test_transformers_take_any_size(
    make_segmenter: MakeSegmenter, network: str, grid: tuple[int, int]
) -> None:
    segmenter = make_segmenter(f"timm/{network}", height=52, width=72)
    logits, features = segmenter(torch.zeros(1, 3, 52, 72, dtype=torch.uint8))
    assert logits.shape == (1, 2, *grid)
    assert features.shape == (1, 16, *grid)


def test_what_no_map_depends_on_is_not_trained(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    segmenter = make_segmenter("timm/vit_tiny_patch16_224")
    segmenter(pixels).logits.sum().backward()
    for name, weight in segmenter.named_parameters():
        assert weight.requires_grad == (weight.grad is not None), name
        assert weight.requires_grad == (not name.startswith("backbone.model.norm.")), name


def test_stages_of_a_transformer_are_its_blocks(make_segmenter: MakeSegmenter) -> None:
    segmenter = make_segmenter("timm/vit_tiny_patch16_224")
    segmenter.freeze(3)
    trained = {
        n.split(".")[3]
        for n, w in segmenter.named_parameters()
        if "blocks" in n and w.requires_grad
    }
    assert trained == {str(number) for number in range(3, 12)}
    assert not segmenter.backbone.get_parameter("model.patch_embed.proj.weight").requires_grad
    assert not segmenter.backbone.get_parameter("model.pos_embed").requires_grad


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        ("resnet19", "backbone: timm has no network 'resnet19'; did you mean 'timm/resnet18'?"),
        ("mixer_s32_224", "backbone: 'timm/mixer_s32_224' does not take images of height 32"),
        ("hrnet_w18_small", "backbone: 'timm/hrnet_w18_small' does not take images of height 33"),
        ("test_mambaout", "backbone: the maps of 'timm/test_mambaout' are not (batch, channel"),
        ("hardcorenas_z", "backbone: timm has no network 'hardcorenas_z'"),
    ],
)
def test_networks_that_cannot_be_used(
    make_segmenter: MakeSegmenter, network: str, complaint: str
) -> None:
    with pytest.raises(BadInput) as raised:
        make_segmenter(f"timm/{network}", height=33 if "hrnet" in network else 32)
    assert str(raised.value).startswith(complaint)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("network", "head"),
    [
        ("convnext_atto", "fusion"),
        ("convnext_atto", "deeplab-v2"),
        ("vit_tiny_patch16_224", "fusion"),
        ("mobilenetv3_small_050", "fusion"),
    ],
)
def test_weights_of_a_classifier_reach_every_tensor(
    make_segmenter: MakeSegmenter, pixels: Tensor, tmp_path: Path, network: str, head: str
) -> None:
    classifier = timm.create_model(network).eval()
    path = tmp_path / "model.safetensors"
    save_file(classifier.state_dict(), path)
    segmenter = make_segmenter(f"timm/{network}", head=head)
    segmenter.load_initial_weights(path)
    published = {name.replace(".", "_"): t for name, t in classifier.state_dict().items()}
    for name, tensor in segmenter.backbone.state_dict().items():
        assert torch.equal(tensor, published[name.removeprefix("model.").replace(".", "_")]), name


def test_weights_of_the_backbone_alone_are_enough(
    make_segmenter: MakeSegmenter, tmp_path: Path
) -> None:
    first, second = make_segmenter("timm/convnext_atto"), make_segmenter("timm/convnext_atto")
    save_file(first.backbone.state_dict(), tmp_path / "backbone.safetensors")
    second.load_initial_weights(tmp_path / "backbone.safetensors")
    for name, tensor in second.backbone.state_dict().items():
        assert torch.equal(tensor, first.backbone.state_dict()[name])


@pytest.mark.parametrize("network", ["convnext_atto", "dla46x_c"])
def test_a_classifier_that_lacks_a_tensor_is_an_error(
    make_segmenter: MakeSegmenter, tmp_path: Path, network: str
) -> None:
    weights = timm.create_model(network).state_dict()
    convolutions = [name for name, tensor in weights.items() if tensor.ndim == 4]
    lost = convolutions[len(convolutions) // 2]
    del weights[lost]
    path = tmp_path / "model.safetensors"
    save_file(weights, path)
    with pytest.raises(BadInput) as raised:
        make_segmenter(f"timm/{network}").load_initial_weights(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert lost.rsplit(".", 2)[-2] in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_network_without_published_weights_is_an_error(make_segmenter: MakeSegmenter) -> None:
    with pytest.raises(BadInput, match=r"^timm's weights of 'convnext_atto_rms': cannot be had"):
        make_segmenter("timm/convnext_atto_rms").load_initial_weights()
