import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from trainer.errors import BadInput
from trainer.models.segmenter import Segmenter, SegmenterShape, build_segmenter


def shape_of(backbone: str = "efficientnet-lite0", **changes: object) -> SegmenterShape:
    fields: dict[str, object] = {
        "backbone": backbone,
        "categories": ("road", "car"),
        "feature_channels": 16,
        "height": 32,
        "width": 48,
        "smooth_max": 1.0,
    }
    return SegmenterShape.model_validate(fields | changes)


def pixels(count: int, height: int, width: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)


def trained_names(segmenter: Segmenter) -> set[str]:
    return {name for name, weight in segmenter.backbone.named_parameters() if weight.requires_grad}


def test_logits_and_features_are_at_stride_8() -> None:
    segmenter = build_segmenter(shape_of(categories=tuple("abcde"))).eval()
    logits, features = segmenter(pixels(2, 64, 96))
    assert logits.shape == (2, 5, 8, 12)
    assert features.shape == (2, 16, 8, 12)
    assert segmenter.features == 16


def test_any_size_is_segmented() -> None:
    assert build_segmenter(shape_of()).eval()(pixels(1, 50, 71)).logits.shape == (1, 2, 7, 9)


def test_bytes_and_floats_are_the_same_picture() -> None:
    segmenter, images = build_segmenter(shape_of()).eval(), pixels(1, 32, 32)
    torch.testing.assert_close(segmenter(images).logits, segmenter(images.float()).logits)


def test_pixels_are_normalised_as_the_backbone_was_trained() -> None:
    segmenter, seen = build_segmenter(shape_of()), []
    segmenter.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    segmenter(torch.tensor([127, 255, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert seen[0][0, :, 0, 0].tolist() == [0, 1, -127 / 128]


def test_backbone_statistics_stay_those_of_imagenet_while_training() -> None:
    segmenter = build_segmenter(shape_of()).train()
    before = segmenter.backbone.get_buffer("bn1.running_mean").clone()
    segmenter(pixels(2, 32, 32))
    assert torch.equal(segmenter.backbone.get_buffer("bn1.running_mean"), before)
    assert segmenter.head.training


def test_parameters_are_of_the_backbone_or_of_the_head() -> None:
    segmenter = build_segmenter(shape_of())
    parts = [*segmenter.backbone.parameters(), *segmenter.head.parameters()]
    assert {id(each) for each in parts} == {id(each) for each in segmenter.parameters()}


def test_frozen_stages_get_no_gradient_and_the_others_do() -> None:
    segmenter = build_segmenter(shape_of()).train()
    segmenter.freeze(2)
    segmenter(pixels(1, 32, 32)).logits.sum().backward()
    without = {
        name for name, weight in segmenter.backbone.named_parameters() if weight.grad is None
    }
    frozen = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")
    assert without == {
        name for name, _ in segmenter.backbone.named_parameters() if name.startswith(frozen)
    }


def test_nothing_is_frozen_when_nothing_is_asked_for() -> None:
    segmenter = build_segmenter(shape_of())
    segmenter.freeze(0)
    assert all(weight.requires_grad for weight in segmenter.parameters())


def test_norms_alone_can_be_frozen() -> None:
    segmenter = build_segmenter(shape_of())
    segmenter.freeze(0, norms=True)
    names = trained_names(segmenter)
    assert "conv_stem.weight" in names
    assert not any(".bn" in name or name.startswith("bn") for name in names)
    assert all(weight.requires_grad for weight in segmenter.head.parameters())


def test_more_stages_than_there_are_cannot_be_frozen() -> None:
    with pytest.raises(BadInput, match="frozen_stages: 8, but the backbone has 7 stages"):
        build_segmenter(shape_of()).freeze(8)


def test_unknown_backbone() -> None:
    with pytest.raises(
        BadInput, match="no 'efficientnet-light0'; did you mean 'efficientnet-lite0'"
    ):
        build_segmenter(shape_of("efficientnet-light0"))


def test_offsets_of_presence_are_one_per_category() -> None:
    with pytest.raises(ValidationError, match="3 presence_offsets for 2 categories"):
        shape_of(presence_offsets=(0.0, 0.0, 0.0))


class TestInitialWeights:
    def test_reach_every_tensor(self) -> None:
        first, second = build_segmenter(shape_of()), build_segmenter(shape_of())
        for name, tensor in second.backbone.state_dict().items():
            if name.endswith("conv.weight"):
                assert not torch.equal(tensor, first.backbone.state_dict()[name])
        first.load_initial_weights()
        second.load_initial_weights()
        for name, tensor in first.backbone.state_dict().items():
            assert torch.equal(tensor, second.backbone.state_dict()[name])
