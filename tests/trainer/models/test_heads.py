import pytest
import torch
from torch import nn
from torch.nn import functional

from trainer.models.heads import DeepLabHead, FusionHead


def test_maps_are_fused_at_the_finest() -> None:
    head = FusionHead((4, 6), features=8, categories=3)
    logits, features = head([torch.rand(2, 4, 5, 7), torch.rand(2, 6, 3, 4)])
    assert logits.shape == (2, 3, 5, 7)
    assert features.shape == (2, 8, 5, 7)


def test_four_maps_end_at_the_stride_of_the_finest() -> None:
    """Without norms and mixing, F is the sum of the projections, the coarse ones interpolated."""
    head = FusionHead((4, 4, 4, 4), features=8, categories=3)
    for project in head.projections:
        project[1] = nn.Identity()
    head.mix = nn.Identity()
    maps = [torch.rand(2, 4, 16 // k, 24 // k) for k in (1, 2, 4, 8)]
    logits, features = head(maps)
    expected = torch.zeros(2, 8, 16, 24)
    for project, each in zip(head.projections, maps, strict=True):
        fine = functional.interpolate(project(each), (16, 24), mode="bilinear")
        expected += fine
    torch.testing.assert_close(features, expected.relu())
    assert logits.shape == (2, 3, 16, 24)


def test_one_map_is_enough() -> None:
    logits, _ = FusionHead((4,), features=8, categories=3)([torch.rand(2, 4, 5, 7)])
    assert logits.shape == (2, 3, 5, 7)


def test_norms_of_an_image_do_not_depend_on_the_batch() -> None:
    head, maps = FusionHead((4,), features=8, categories=3).train(), torch.rand(2, 4, 5, 7)
    torch.testing.assert_close(head([maps]).logits[:1], head([maps[:1]]).logits)


def test_logits_are_the_classifier_of_the_features() -> None:
    head = FusionHead((4,), features=8, categories=3)
    logits, features = head([torch.rand(1, 4, 5, 7)])
    weight, bias = head.classifier.weight[:, :, 0, 0], head.classifier.bias
    assert bias is not None
    expected = torch.einsum("ce,behw->bchw", weight, features) + bias.view(1, -1, 1, 1)
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("dilations", [(6, 12), (6, 12, 18, 24)])
def test_dilated_branches_are_added(dilations: tuple[int, ...]) -> None:
    head = DeepLabHead(1, 1, dilations)
    with torch.no_grad():
        for weight in head.parameters():
            weight.fill_(1)
    impulse = torch.zeros(1, 1, 61, 61)
    impulse[0, 0, 30, 30] = 1
    logits, features = head([torch.rand(1, 3, 9, 9), impulse])
    expected = torch.full((61, 61), float(len(dilations)))  # the biases
    expected[30, 30] += len(dilations)
    for d in dilations:
        for row in (30 - d, 30, 30 + d):
            for column in (30 - d, 30, 30 + d):
                if (row, column) != (30, 30):
                    expected[row, column] += 1
    assert torch.equal(logits[0, 0], expected)
    assert features is impulse


def test_dilated_branches_start_small() -> None:
    for name, tensor in DeepLabHead(256, 19, (6, 12)).named_parameters():
        assert tensor.std().item() == pytest.approx(
            0.01 if name.endswith("weight") else 0, rel=0.05
        )
