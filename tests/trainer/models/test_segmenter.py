import copy

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from tests.trainer.conftest import shape_with
from tests.trainer.models.conftest import MakeSegmenter
from trainer.contract.config import BACKBONES
from trainer.errors import BadInput
from trainer.models.segmenter import NAMED


def test_logits_and_features_are_at_stride_8(make_segmenter: MakeSegmenter, pixels: Tensor) -> None:
    segmenter = make_segmenter(categories=tuple("abcde"))
    logits, features = segmenter(pixels)
    assert logits.shape == (2, 5, 4, 8)
    assert features.shape == (2, 16, 4, 8)
    assert segmenter.features == 16


@pytest.mark.parametrize(
    ("backbone", "widths"),
    [
        ("efficientnet-lite0", [24, 40, 112, 320]),
        ("efficientnet-lite2", [24, 48, 120, 352]),
        ("resnet101", [256, 512, 1024, 2048]),
        ("vgg16", [256, 1024]),
        ("timm/convnext_atto", [40, 80, 160, 320]),
        ("timm/vit_tiny_patch16_224", [192]),
    ],
)
def test_logits_and_features_end_at_stride_4_where_it_is_asked_for(
    make_segmenter: MakeSegmenter, pixels: Tensor, backbone: str, widths: list[int]
) -> None:
    segmenter = make_segmenter(backbone, logit_stride=4)
    projections = segmenter.head.get_submodule("projections")
    assert [project[0].in_channels for project in projections.children()] == widths
    grid = (8, 16) if len(widths) > 1 else (2, 4)
    logits, features = segmenter(pixels)
    assert logits.shape == (2, 2, *grid)
    assert features.shape == (2, 16, *grid)


def test_a_map_at_stride_4_leaves_the_others_as_they_are(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    for backbone in ("efficientnet-lite2", "resnet101", "vgg16"):
        coarse, fine = (make_segmenter(backbone, logit_stride=stride) for stride in (8, 4))
        fine.backbone.load_state_dict(coarse.backbone.state_dict())
        images = pixels.float() / 255
        finest, *others = fine.backbone(images)
        assert finest.shape[-2:] == (8, 16)
        for one, other in zip(others, coarse.backbone(images), strict=True):
            assert torch.equal(one, other)


def test_any_size_is_segmented(make_segmenter: MakeSegmenter) -> None:
    images = torch.zeros(1, 3, 50, 71, dtype=torch.uint8)
    assert make_segmenter()(images).logits.shape == (1, 2, 7, 9)
    assert make_segmenter(logit_stride=4)(images).logits.shape == (1, 2, 13, 18)


def test_bytes_and_floats_are_the_same_picture(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    segmenter = make_segmenter()
    torch.testing.assert_close(segmenter(pixels).logits, segmenter(pixels.float()).logits)
    assert not segmenter(pixels + 0.5).logits.equal(segmenter(pixels).logits)


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("efficientnet-lite0", ((0 - 127) / 128, 0.0, (255 - 127) / 128)),
        ("vgg16", (-0.485 / 0.229, (127 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225)),
        ("timm/vit_tiny_patch16_224", (-1.0, 127 / 127.5 - 1, 1.0)),
    ],
)
def test_pixels_are_normalised_as_the_backbone_was_trained(
    make_segmenter: MakeSegmenter, backbone: str, expected: tuple[float, float, float]
) -> None:
    segmenter = make_segmenter(backbone)
    seen: list[Tensor] = []
    segmenter.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    color = torch.tensor([0, 127, 255], dtype=torch.uint8)
    segmenter(color.view(1, 3, 1, 1).expand(1, 3, 32, 32))
    torch.testing.assert_close(seen[0][0, :, 5, 7], torch.tensor(expected), atol=1e-6, rtol=1e-6)


def test_backbone_statistics_stay_those_of_imagenet_while_training(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    segmenter = make_segmenter().train()
    before = segmenter.backbone.get_buffer("bn1.running_mean").clone()
    segmenter(pixels)
    assert torch.equal(segmenter.backbone.get_buffer("bn1.running_mean"), before)
    assert segmenter.head.training


def test_parameters_are_of_the_backbone_or_of_the_head(make_segmenter: MakeSegmenter) -> None:
    segmenter = make_segmenter()
    parts = [*segmenter.backbone.parameters(), *segmenter.head.parameters()]
    assert {id(each) for each in parts} == {id(each) for each in segmenter.parameters()}


def test_normalisation_is_no_part_of_the_weights(make_segmenter: MakeSegmenter) -> None:
    names = make_segmenter().state_dict()
    assert {name.split(".")[0] for name in names} == {"backbone", "head"}


def test_a_copy_shares_nothing(make_segmenter: MakeSegmenter, pixels: Tensor) -> None:
    segmenter = make_segmenter()
    before = segmenter(pixels).logits
    twin = copy.deepcopy(segmenter)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert torch.equal(segmenter(pixels).logits, before)
    assert not torch.equal(twin(pixels).logits, before)


def ungraded(network: nn.Module) -> set[str]:
    return {name for name, weight in network.named_parameters() if weight.grad is None}


@pytest.mark.parametrize(
    ("backbone", "stages", "frozen"),
    [
        ("efficientnet-lite0", 2, ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")),
        ("resnet101", 1, ("conv1.", "bn1.", "layer1.")),
        ("vgg16", 2, ("features.0.", "features.2.", "features.5.", "features.7.")),
        ("timm/resnet18", 1, ("conv1.", "bn1.", "layer1.")),
        ("timm/convnext_atto", 1, ("stem_", "stages_0.")),
    ],
)
def test_frozen_stages_get_no_gradient_and_all_others_do(
    make_segmenter: MakeSegmenter, backbone: str, stages: int, frozen: tuple[str, ...]
) -> None:
    segmenter = make_segmenter(backbone).train()
    segmenter.freeze(stages)
    segmenter(torch.full((1, 3, 32, 32), 200, dtype=torch.uint8)).logits.sum().backward()
    names = {name for name, _ in segmenter.backbone.named_parameters()}
    assert ungraded(segmenter.backbone) == {name for name in names if name.startswith(frozen)}
    assert not ungraded(segmenter.head)


@pytest.mark.parametrize(
    ("backbone", "stride", "stages"),
    [
        ("efficientnet-lite0", 8, 1),
        ("efficientnet-lite0", 8, 3),
        ("efficientnet-lite0", 4, 3),
        ("efficientnet-lite0", 8, 6),
        ("efficientnet-lite0", 4, 7),
        ("efficientnet-lite2", 4, 2),
        ("resnet101", 8, 1),
        ("resnet101", 4, 2),
        ("resnet101", 4, 1),
        ("vgg16", 8, 4),
    ],
)
def test_what_the_frozen_stages_made_leads_to_the_same_logits(
    make_segmenter: MakeSegmenter, pixels: Tensor, backbone: str, stride: int, stages: int
) -> None:
    segmenter = make_segmenter(backbone, logit_stride=stride)
    segmenter.freeze(stages)
    begun = segmenter.begin(pixels)
    assert not any(each.requires_grad for each in begun)
    kept = [each.clone() for each in begun]
    for one, other in zip(segmenter(begun), segmenter(pixels), strict=True):
        assert torch.equal(one, other)
    twin = copy.deepcopy(segmenter)
    for made in (begun, twin.begin(pixels)):
        assert all(map(torch.equal, made, kept))
    assert twin(begun).logits.equal(segmenter(pixels).logits)


def test_no_more_maps_are_kept_than_the_rest_of_the_network_needs(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    height, width = pixels.shape[-2:]
    needed = {(2, 4): [4], (3, 4): [4, 8], (4, 4): [4, 8, 16], (4, 8): [8, 16], (7, 8): [8, 16, 32]}
    for (stages, logit_stride), strides in needed.items():
        segmenter = make_segmenter("efficientnet-lite0", logit_stride=logit_stride)
        segmenter.freeze(stages)
        sizes = [each.shape[-2:] for each in segmenter.begin(pixels)]
        assert sizes == [(-(-height // each), -(-width // each)) for each in strides], stages


def test_half_precision_of_what_the_frozen_stages_made_changes_logits_little(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    segmenter = make_segmenter(logit_stride=4)
    segmenter.load_initial_weights()
    segmenter.freeze(2)
    exact = segmenter(pixels).logits
    rounded = segmenter(tuple(each.half() for each in segmenter.begin(pixels))).logits
    assert 0 < (rounded - exact).abs().max() < 0.01 * exact.std()


def test_what_decides_the_beginning_is_its_weights_alone(make_segmenter: MakeSegmenter) -> None:
    segmenter = make_segmenter()
    segmenter.freeze(2)
    names = set(segmenter.begins_with())
    layers = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")
    of_layers = {name for name in segmenter.backbone.state_dict() if name.startswith(layers)}
    assert names == {"mean", "std"} | of_layers


@pytest.mark.parametrize(
    ("backbone", "stride", "stages"),
    [
        ("efficientnet-lite0", 8, 0),
        ("timm/resnet18", 8, 1),
    ],
)
def test_a_network_without_frozen_stages_or_of_unknown_layers_does_not_begin(
    make_segmenter: MakeSegmenter, pixels: Tensor, backbone: str, stride: int, stages: int
) -> None:
    segmenter = make_segmenter(backbone, logit_stride=stride)
    segmenter.freeze(stages)
    assert not segmenter.can_begin
    with pytest.raises(LookupError):
        segmenter.begin(pixels)


def test_nothing_is_frozen_when_nothing_is_asked_for(make_segmenter: MakeSegmenter) -> None:
    segmenter = make_segmenter()
    segmenter.freeze(0)
    assert all(weight.requires_grad for weight in segmenter.parameters())


def test_norms_alone_can_be_frozen(make_segmenter: MakeSegmenter) -> None:
    segmenter = make_segmenter()
    segmenter.freeze(0, norms=True)
    frozen = {n for n, weight in segmenter.named_parameters() if not weight.requires_grad}
    norms = {
        f"{name}.{part}"
        for name, module in segmenter.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for part in ("weight", "bias")
    }
    assert frozen == norms
    assert (
        len(norms) == 2 * 48
    )  # one norm for each of EfficientNet-Lite0's convolutions but the last


def test_more_stages_than_there_are_cannot_be_frozen(make_segmenter: MakeSegmenter) -> None:
    with pytest.raises(BadInput, match=r"^frozen_stages: 8, but the backbone has 7 stages$"):
        make_segmenter().freeze(8)


@pytest.mark.parametrize(
    ("backbone", "hint"),
    [
        ("efficientnet-light0", "did you mean 'efficientnet-lite0'?"),
        ("x", "there are efficientnet-lite0, efficientnet-lite2, resnet101, vgg16"),
    ],
)
def test_unknown_backbone(make_segmenter: MakeSegmenter, backbone: str, hint: str) -> None:
    with pytest.raises(BadInput) as raised:
        make_segmenter(backbone)
    assert str(raised.value) == f"backbone: no '{backbone}'; {hint} (or timm/NAME)"


def test_offsets_of_presence_are_one_per_category() -> None:
    with pytest.raises(ValidationError, match="3 presence_offsets for 2 categories"):
        shape_with(presence_offsets=(0.0, 0.0, 0.0))


def test_dilated_branches_need_dilations() -> None:
    with pytest.raises(ValidationError, match="head 'deeplab-v2' needs dilations"):
        shape_with(head="deeplab-v2", dilations=())


def test_compiles_without_a_break(make_segmenter: MakeSegmenter, pixels: Tensor) -> None:
    segmenter = make_segmenter("timm/resnet18", logit_stride=4)
    whole = torch.compile(segmenter, backend="eager", fullgraph=True)
    torch.testing.assert_close(whole(pixels).logits, segmenter(pixels).logits)


def test_what_is_behind_the_frozen_stages_compiles_without_a_break(
    make_segmenter: MakeSegmenter, pixels: Tensor
) -> None:
    segmenter = make_segmenter("vgg16", logit_stride=4)
    segmenter.freeze(2)
    whole, begun = (
        torch.compile(segmenter, backend="eager", fullgraph=True),
        segmenter.begin(pixels),
    )
    torch.testing.assert_close(whole(begun).logits, segmenter(pixels).logits)


def test_the_contract_knows_the_backbones_and_their_stages() -> None:
    assert BACKBONES.keys() == NAMED.keys()
    for name, stages in BACKBONES.items():
        assert len(NAMED[name](8, False).stages) == stages, name
